import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { fromFailure, readFailure } from '../../../base/failure.ts';
import { failing, inTime } from '../../../base/wait.ts';
import { type DurableAskOptions, MessageCodec } from '../../../bus/plugin.ts';
import { type AnswerMessage, type AskMessage, mostAsked } from '../format/lane-messages.ts';
import { digestOf, requestBody, requestIdOf } from '../format/request-body.ts';
import { aborted, type Placing } from './early-sends.ts';
import { givenBefore } from './keyed-requests.ts';

const longestMs = 2_147_483_647;

export interface AskedRequestsOptions {
  readonly clock: Clock;
  place(body: Uint8Array): Placing;
  /** Asks the peer for the answers of requests that it may have. */
  ask(asked: AskMessage[1]): void;
}

/** A request that somebody here waits for. */
interface Pending {
  readonly digest: string;
  readonly answer: Promise<unknown>;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
  readonly placing: Placing;
  /** As `requestIdOf` has it; undefined until it has a place. */
  id: string | undefined;
  waiting: number;
}

/** The durable requests of one client whose answers are waited for. They are asked whether anybody waits or not. */
export class AskedRequests {
  readonly #options: AskedRequestsOptions;
  readonly #codec = new MessageCodec();
  readonly #pending = new Map<string, Pending>();

  constructor(options: AskedRequestsOptions) {
    this.#options = options;
  }

  /** Those who wait for an answer, in parts that can be asked for at once. */
  get asked(): AskMessage[1][] {
    const asked = [...this.#pending].map(([id, { digest }]) => [id, digest] as const);
    return Array.from({ length: Math.ceil(asked.length / mostAsked) }, (_, part) =>
      asked.slice(part * mostAsked, (part + 1) * mostAsked),
    );
  }

  /** Asks, or joins who asked the same under this key. Rejects as `Client.request`. */
  ask(data: Uint8Array, { key, timeoutMs, signal }: DurableAskOptions): Promise<unknown> {
    if (signal?.aborted === true) return failing(() => aborted(signal));
    const digest = digestOf(data);
    const known = key === undefined ? undefined : this.#pending.get(requestIdOf(key, '', 0));
    if (key !== undefined && known !== undefined && known.digest !== digest) return Promise.reject(givenBefore(key));
    const pending = known ?? this.#begin(data, digest, key);
    pending.waiting += 1;
    const deadline = { clock: this.#options.clock, ms: timeoutMs ?? longestMs, signal };
    const late = (): BusError => {
      const hasPlace = pending.placing.early.sequence !== undefined;
      const why = hasPlace
        ? 'No answer within'
        : 'The request was not accepted: the journal was not open, or had no room, for';
      return new BusError('ERR_TIMEOUT', `${why} ${timeoutMs} ms`);
    };
    const isTimed = timeoutMs !== undefined || signal !== undefined;
    const wait = isTimed ? inTime(deadline, pending.answer, late) : pending.answer;
    return wait
      .catch((error: unknown) => {
        throw signal?.aborted === true && error === signal.reason ? aborted(signal) : error;
      })
      .finally(() => this.#leave(pending));
  }

  /** An answer came. */
  answered([, id, digest, isError, body]: AnswerMessage): void {
    const pending = this.#pending.get(id);
    // Under that key others may have asked something else before.
    if (pending?.digest !== digest) return;
    try {
      const data = this.#codec.decode(body);
      if (isError) pending.reject(fromFailure(readFailure(data)));
      else pending.resolve(data);
    } catch (error) {
      pending.reject(error);
    }
    this.#pending.delete(id);
  }

  /** A peer without a journal answered it, or failed. */
  settled(id: string, answer: Promise<unknown>): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    answer.then(pending.resolve, pending.reject);
  }

  /** The peer never takes it. */
  refused(id: string, error: BusError): void {
    this.#pending.get(id)?.reject(error);
    this.#pending.delete(id);
  }

  fail(error: BusError): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #begin(data: Uint8Array, digest: string, key: string | undefined): Pending {
    let resolve!: (answer: unknown) => void;
    let reject!: (error: unknown) => void;
    const answer = new Promise<unknown>((done, failed) => {
      resolve = done;
      reject = failed;
    });
    // Who waits learns of it.
    answer.catch(() => {});
    const placing = this.#options.place(requestBody({ key, data }));
    const pending: Pending = { digest, answer, resolve, reject, placing, id: undefined, waiting: 0 };
    if (key !== undefined) this.#known(pending, requestIdOf(key, '', 0));
    placing.written.then(
      ({ box, sequence, isKnown }) => {
        if (key === undefined && pending.waiting > 0) this.#known(pending, requestIdOf(key, box.log.id, sequence));
        // The peer may have answered it before anybody waited here.
        if (isKnown && pending.id !== undefined) this.#options.ask([[pending.id, digest]]);
      },
      (error: unknown) => {
        if (pending.id !== undefined) this.#pending.delete(pending.id);
        reject(error);
      },
    );
    return pending;
  }

  #known(pending: Pending, id: string): void {
    pending.id = id;
    this.#pending.set(id, pending);
  }

  #leave(pending: Pending): void {
    pending.waiting -= 1;
    const { id } = pending;
    if (pending.waiting > 0) return;
    pending.placing.giveUp();
    if (id !== undefined && this.#pending.get(id) === pending) this.#pending.delete(id);
  }
}
