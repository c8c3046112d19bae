import { AsyncQueue } from '../../../base/async-queue.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { asBusError, BusError } from '../../../base/errors.ts';
import { fromFailure, readFailure } from '../../../base/failure.ts';
import type { Answering } from './verbs.ts';

/** What a client of the world answered. */
export type WorldAnswer =
  | { readonly id: string; readonly status: 'fulfilled'; readonly value: unknown; readonly reason?: undefined }
  | { readonly id: string; readonly status: 'rejected'; readonly value?: undefined; readonly reason: BusError };

export interface WorldSurveyOptions {
  readonly clock: Clock;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Tells a node that nobody waits for its answers any more. */
  enough(node: string): void;
}

/** One survey over many nodes. Each member answers once: a node's with its answers, or all with its end. */
export class WorldSurvey {
  readonly #options: WorldSurveyOptions;
  readonly #answers = new AsyncQueue<WorldAnswer>({ give: (answer) => answer, left: () => this.#left() });
  /** By node: the members that did not answer; undefined until the node has said who they are. */
  readonly #open = new Map<string, Set<string> | undefined>();
  readonly #timer: Timer | undefined;
  readonly #aborted = (): void =>
    this.#giveUp(new BusError('ERR_ABORTED', undefined, { cause: this.#options.signal?.reason }));
  #isOpen = true;

  constructor(options: WorldSurveyOptions, nodes: Iterable<string>) {
    this.#options = options;
    for (const node of nodes) this.#open.set(node, undefined);
    const { clock, timeoutMs, signal } = options;
    if (timeoutMs !== undefined) {
      this.#timer = clock.setTimer(
        () => this.#giveUp(new BusError('ERR_TIMEOUT', `The survey was not answered within ${timeoutMs} ms`)),
        timeoutMs,
      );
    }
    signal?.addEventListener('abort', this.#aborted, { once: true });
    if (signal?.aborted === true) this.#aborted();
    this.#settle();
  }

  get answers(): AsyncIterableIterator<WorldAnswer> {
    return this.#answers;
  }

  /** A node says whom it asked. */
  asked(node: string, ids: readonly string[]): void {
    if (!this.#open.has(node) || this.#open.get(node) !== undefined) return;
    this.#open.set(node, new Set(ids));
    if (ids.length === 0) this.#open.delete(node);
    this.#settle();
  }

  answered(node: string, [, , id, isAnswered, value]: Extract<Answering, readonly ['answer', ...unknown[]]>): void {
    if (this.#open.get(node)?.has(id) !== true) return;
    if (isAnswered) this.#answer(node, id, { id: `${node}/${id}`, status: 'fulfilled', value });
    else this.#answer(node, id, { id: `${node}/${id}`, status: 'rejected', reason: fromFailure(readFailure(value)) });
  }

  /** Nothing will come from a node any more: one answer for it where it did not say whom it asked. */
  lost(node: string, error: unknown): void {
    if (!this.#open.has(node)) return;
    const members = this.#open.get(node);
    const reason = asBusError(error, 'ERR_REMOTE');
    this.#open.delete(node);
    if (members === undefined) this.#answers.push({ id: node, status: 'rejected', reason });
    for (const id of members ?? []) this.#answers.push({ id: `${node}/${id}`, status: 'rejected', reason });
    this.#settle();
  }

  #answer(node: string, id: string, answer: WorldAnswer): void {
    const members = this.#open.get(node);
    members?.delete(id);
    if (members?.size === 0) this.#open.delete(node);
    this.#answers.push(answer);
    this.#settle();
  }

  #giveUp(reason: BusError): void {
    for (const node of [...this.#open.keys()]) {
      this.#options.enough(node);
      this.lost(node, reason);
    }
  }

  #left(): void {
    for (const node of this.#open.keys()) this.#options.enough(node);
    this.#open.clear();
    this.#settle();
  }

  #settle(): void {
    if (this.#open.size > 0 || !this.#isOpen) return;
    this.#isOpen = false;
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    this.#answers.end();
  }
}
