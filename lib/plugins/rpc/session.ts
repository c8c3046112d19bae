import type { Clock } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import type { AskOptions } from '../../bus/ask-options.ts';
import { isThenable } from '../../bus/incoming.ts';
import { Questions, type QuestionCarrier } from '../../bus/questions.ts';
import type { Waiting } from '../../session/waiting.ts';
import { usualAsk } from './call-options.ts';
import { contractHash, disagreement, type Fingerprints } from './contract.ts';
import { failureOf } from './failure.ts';
import { isFrame, kind, type RpcFrame } from './frame.ts';
import { LentFunctions } from './lent-functions.ts';
import type { Offer } from './offer.ts';
import { type AnyFunction, type Borrower, extract, type Lender, type Reference, restore } from './references.ts';
import { Streams } from './streams.ts';

/** The way to one other side. */
export interface SessionDoor {
  readonly clock: Clock;
  send(frame: RpcFrame): Promise<void>;
  /** What is offered to this other side under this id. */
  offer(remote: number): Offer | undefined;
  /** Rejects if there is nobody at the other side who understands calls; asked once, with the first call. */
  greet(): Promise<unknown>;
  report(error: unknown): void;
}

const maxRunning = 10_000;

/** The calls between this end and one other side, both ways. */
export class RpcSession implements QuestionCarrier, Lender, Borrower {
  readonly #door: SessionDoor;
  readonly #questions: Questions;
  readonly #functions = new LentFunctions();
  readonly #streams: Streams;
  /** Calls of the other side's that are being answered. */
  readonly #running = new Set<number>();
  /** By remote id: how the contract that the other side counts on differs. */
  readonly #disagreements = new Map<number, string>();
  readonly #stated = new Set<string>();
  readonly #released = new FinalizationRegistry<number>((id) => this.#post([kind.release, id]));
  #greeted = false;
  #closed: BusError | undefined;

  constructor(door: SessionDoor) {
    this.#door = door;
    this.#questions = new Questions(door.clock, this);
    this.#streams = new Streams({
      item: (stream, value) => this.#send([kind.item, stream, value]),
      end: (stream, error) => {
        this.#streams.stop(stream);
        this.#post(endFrame(stream, error));
      },
      credit: (stream, items) => this.#post([kind.credit, stream, items]),
      stop: (stream, early) => {
        this.#streams.forget(stream);
        if (early) this.#post([kind.stop, stream]);
      },
    });
  }

  /** States once what this end takes the remote object to be; the other side answers calls accordingly. */
  expect(remote: number, prints: Fingerprints): void {
    const hash = contractHash(prints);
    const key = `${remote} ${hash}`;
    if (this.#stated.has(key)) return;
    this.#stated.add(key);
    this.#post([kind.contract, remote, hash, prints]);
  }

  call(remote: number | null, method: string | number, args: readonly unknown[], ask: AskOptions): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    this.#greet();
    const refs: Reference[] = [];
    let answer: Promise<unknown>;
    try {
      const sent = extract(args, this, refs) as readonly unknown[];
      answer = this.#questions.ask('', ask, (id) => {
        const frame: RpcFrame =
          refs.length === 0 ? [kind.call, id, remote, method, sent] : [kind.call, id, remote, method, sent, refs];
        this.#send(frame).catch((error: unknown) => this.#unsent(id, error));
      });
    } catch (error) {
      this.#takeBack(refs);
      return Promise.reject(asBusError(error, 'ERR_UNENCODABLE'));
    }
    if (refs.length > 0) answer.catch(() => this.#takeBack(refs));
    return answer;
  }

  /** Resolves when the call was accepted for sending; nothing comes back. */
  async notify(remote: number | null, method: string | number, args: readonly unknown[]): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    const refs: Reference[] = [];
    const sent = extract(args, this, refs) as readonly unknown[];
    await this.#send(
      refs.length === 0 ? [kind.notify, remote, method, sent] : [kind.notify, remote, method, sent, refs],
    );
  }

  /** @throws BusError `ERR_PROTOCOL` for what no correct peer sends. */
  receive(frame: unknown): void {
    if (this.#closed !== undefined) return;
    if (!isFrame(frame)) throw new BusError('ERR_PROTOCOL', 'This is no frame of a remote call.');
    switch (frame[0]) {
      case kind.call:
        this.#called(frame[1], frame[2], frame[3], restore(frame[4], frame[5], this) as readonly unknown[]);
        return;
      case kind.notify:
        this.#notified(frame[1], frame[2], restore(frame[3], frame[4], this) as readonly unknown[]);
        return;
      case kind.result:
        this.#questions.answered(frame[1], restore(frame[2], frame[3], this));
        return;
      case kind.failure:
        this.#questions.failed(frame[1], { code: frame[2], message: frame[3], details: frame[4] });
        return;
      case kind.cancel:
        this.#running.delete(frame[1]);
        return;
      case kind.release:
        this.#functions.release(frame[1]);
        return;
      case kind.item:
        this.#streams.item(frame[1], frame[2]);
        return;
      case kind.end:
        this.#streams.ended(frame[1], frame[2] === undefined ? undefined : new BusError(frame[2], frame[3] ?? ''));
        return;
      case kind.credit:
        this.#streams.credit(frame[1], frame[2]);
        return;
      case kind.stop:
        this.#streams.stop(frame[1]);
        return;
      case kind.contract:
        this.#compare(frame[1], frame[2], frame[3]);
        return;
    }
  }

  /** Rejects everything pending with `error`; the other side is gone. */
  close(error: BusError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#questions.fail(error);
    this.#streams.close(error);
    this.#functions.clear();
    this.#running.clear();
  }

  queue(waiting: Waiting): void {
    try {
      waiting.send();
    } catch (error) {
      waiting.fail(asBusError(error, 'ERR_UNENCODABLE'));
    }
  }

  cancel(_lane: string, id: number): void {
    this.#post([kind.cancel, id]);
  }

  settled(): void {
    // Nobody waits for a session to be idle.
  }

  lendFunction(target: AnyFunction): number {
    return this.#functions.lend(target);
  }

  lendStream(source: AsyncIterable<unknown>): number {
    return this.#streams.lend(source);
  }

  borrowFunction(id: number): AnyFunction {
    const call: AnyFunction = (...args) => this.call(null, id, args, usualAsk);
    const $notify: AnyFunction = (...args) => this.notify(null, id, args);
    this.#released.register(call, id);
    return Object.assign(call, { $notify });
  }

  borrowStream(id: number): AsyncIterable<unknown> {
    return this.#streams.borrow(id);
  }

  #called(id: number, remote: number | null, method: string | number, args: readonly unknown[]): void {
    if (this.#running.size >= maxRunning) {
      this.#fail(id, new BusError('ERR_QUEUE_FULL', `${maxRunning} calls are being answered already.`));
      return;
    }
    this.#running.add(id);
    let result: unknown;
    try {
      result = this.#invoke(remote, method, args);
    } catch (error) {
      this.#fail(id, error);
      return;
    }
    if (!isThenable(result)) {
      this.#reply(id, result);
      return;
    }
    result.then(
      (value) => this.#reply(id, value),
      (error: unknown) => this.#fail(id, error),
    );
  }

  #notified(remote: number | null, method: string | number, args: readonly unknown[]): void {
    const failed = (error: unknown): void => this.#door.report(error);
    try {
      const result = this.#invoke(remote, method, args);
      if (isThenable(result)) result.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #invoke(remote: number | null, method: string | number, args: readonly unknown[]): unknown {
    if (remote === null) {
      const target = typeof method === 'number' ? this.#functions.get(method) : undefined;
      if (target === undefined) throw new BusError('ERR_NO_METHOD', 'There is no such callback any more.');
      return target(...args);
    }
    const difference = this.#disagreements.get(remote);
    if (difference !== undefined) throw new BusError('ERR_CONTRACT', difference);
    const offer = this.#door.offer(remote);
    if (offer === undefined) throw new BusError('ERR_NO_METHOD', `There is no remote object ${remote}.`);
    return offer.call(method, args);
  }

  #reply(id: number, value: unknown): void {
    if (!this.#running.delete(id)) return;
    const refs: Reference[] = [];
    try {
      const sent = extract(value, this, refs);
      const frame: RpcFrame = refs.length === 0 ? [kind.result, id, sent] : [kind.result, id, sent, refs];
      this.#send(frame).catch((error: unknown) => this.#sendFailure(id, error));
    } catch (error) {
      this.#takeBack(refs);
      this.#sendFailure(id, error);
    }
  }

  #fail(id: number, error: unknown): void {
    if (this.#running.delete(id)) this.#sendFailure(id, error);
  }

  #sendFailure(id: number, error: unknown): void {
    const { code, message, details } = failureOf(error);
    this.#post(details === undefined ? [kind.failure, id, code, message] : [kind.failure, id, code, message, details]);
  }

  #compare(remote: number, hash: string, prints: Fingerprints): void {
    this.#disagreements.delete(remote);
    const offer = this.#door.offer(remote);
    if (offer === undefined || offer.hash === hash) return;
    const difference = disagreement(prints, offer.prints);
    if (difference !== undefined) this.#disagreements.set(remote, difference);
  }

  /** Finds out once whether anybody at the other side takes calls, without making the first one wait. */
  #greet(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    this.#door.greet().catch((error: unknown) => {
      this.#greeted = false;
      this.#questions.fail(asBusError(error, 'ERR_PEER_LACKS_FEATURE'));
    });
  }

  #unsent(id: number, error: unknown): void {
    const { code, message } = failureOf(error);
    this.#questions.failed(id, { code, message });
  }

  /** What was lent for a call that failed is not to be used any more. */
  #takeBack(refs: readonly Reference[]): void {
    for (const [, what, id] of refs) {
      if (what === 'function') this.#functions.release(id);
      else this.#streams.stop(id);
    }
  }

  #send(frame: RpcFrame): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return this.#door.send(frame);
  }

  /** For frames nobody waits for; if the way is gone, so is whoever they were for. */
  #post(frame: RpcFrame): void {
    if (this.#closed === undefined) this.#send(frame).catch(() => undefined);
  }
}

function endFrame(stream: number, error: unknown): RpcFrame {
  if (error === undefined) return [kind.end, stream];
  const { code, message } = failureOf(error);
  return [kind.end, stream, code, message];
}
