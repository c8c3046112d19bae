import { asBusError, BusError } from '../../base/errors.ts';
import type { AskOptions } from '../../bus/ask-options.ts';
import { isThenable } from '../../bus/incoming.ts';
import type { CallLine } from './call-line.ts';
import { usualAsk } from './call-options.ts';
import { contractHash, disagreement, type Fingerprints } from './contract.ts';
import { failureOf } from './failure.ts';
import { type AnswerBody, type CallBody, isAnswerBody, kind, type RpcFrame } from './frame.ts';
import { LentFunctions } from './lent-functions.ts';
import type { Offer } from './offer.ts';
import {
  type AnyFunction,
  type Borrower,
  extract,
  type Lender,
  type Reference,
  restore,
  travels,
} from './references.ts';
import { Streams } from './streams.ts';

export interface SessionOwner {
  /** What is offered to this other side under this id. */
  offer(id: number): Offer | undefined;
  report(error: unknown): void;
}

const maxRunning = 10_000;

/** What this end and one other side call on each other, whatever carries it. */
export class RpcSession implements Lender, Borrower {
  readonly #line: CallLine;
  readonly #owner: SessionOwner;
  readonly #functions = new LentFunctions();
  readonly #streams: Streams;
  /** By object id: how the contract that the other side counts on differs. */
  readonly #disagreements = new Map<number, string>();
  readonly #stated = new Set<string>();
  readonly #released = new FinalizationRegistry<number>((id) => this.#post([kind.release, id]));
  #running = 0;
  #closed: BusError | undefined;

  constructor(owner: SessionOwner, openLine: (session: RpcSession) => CallLine) {
    this.#owner = owner;
    this.#line = openLine(this);
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
  expect(object: number, prints: Fingerprints): void {
    const hash = contractHash(prints);
    const key = `${object} ${hash}`;
    if (this.#stated.has(key)) return;
    this.#stated.add(key);
    this.#post([kind.contract, object, hash, prints]);
  }

  call(object: number | null, method: string | number, args: readonly unknown[], ask: AskOptions): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    let refs: Reference[] | undefined;
    try {
      if (travels(args)) return this.#line.ask([object, method, null, ...args], ask).then(this.#settle);
      refs = [];
      const sent = extract(args, this, refs) as readonly unknown[];
      const answer = this.#line.ask([object, method, refs, ...sent], ask).then(this.#settle);
      answer.catch(() => this.#takeBack(refs));
      return answer;
    } catch (error) {
      this.#takeBack(refs);
      return Promise.reject(asBusError(error, 'ERR_UNENCODABLE'));
    }
  }

  /** Resolves when the call was accepted for sending; nothing comes back. */
  async notify(object: number | null, method: string | number, args: readonly unknown[]): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    if (travels(args)) {
      await this.#send([kind.notify, [object, method, null, ...args]]);
      return;
    }
    const refs: Reference[] = [];
    const sent = extract(args, this, refs) as readonly unknown[];
    await this.#send([kind.notify, [object, method, refs, ...sent]]);
  }

  /** Answers a call of the other side's; a failure is an answer too. */
  answer(call: CallBody): AnswerBody | Promise<AnswerBody> {
    if (this.#running >= maxRunning) {
      return failureBody(new BusError('ERR_QUEUE_FULL', `${maxRunning} calls are being answered already.`));
    }
    let result: unknown;
    try {
      result = this.#invoke(call);
    } catch (error) {
      return failureBody(error);
    }
    if (!isThenable(result)) return this.#answerBody(result);
    this.#running += 1;
    return this.#answerLater(result);
  }

  /** @throws BusError `ERR_PROTOCOL` for what no correct peer sends. */
  receive(frame: RpcFrame): void {
    if (this.#closed !== undefined) return;
    switch (frame[0]) {
      case kind.notify:
        this.#notified(frame[1]);
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
    this.#line.close(error);
    this.#streams.close(error);
    this.#functions.clear();
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

  /** What a call resolves to, or the error its method failed with. */
  readonly #settle = (answer: unknown): unknown => {
    if (!isAnswerBody(answer)) throw new BusError('ERR_PROTOCOL', 'This is no answer of a remote call.');
    if (answer[0]) return restore(answer[1], answer[2], this);
    const [, code, message, details] = answer;
    throw new BusError(code, message, details === undefined ? {} : { details });
  };

  #notified(call: CallBody): void {
    const failed = (error: unknown): void => this.#owner.report(error);
    try {
      const result = this.#invoke(call);
      if (isThenable(result)) result.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #invoke(call: CallBody): unknown {
    const object = call[0];
    const method = call[1];
    const sent = call.slice(3);
    const args = call[2] === null ? sent : (restore(sent, call[2], this) as readonly unknown[]);
    if (object === null) {
      const target = typeof method === 'number' ? this.#functions.get(method) : undefined;
      if (target === undefined) throw new BusError('ERR_NO_METHOD', 'There is no such callback any more.');
      return target(...args);
    }
    const difference = this.#disagreements.get(object);
    if (difference !== undefined) throw new BusError('ERR_CONTRACT', difference);
    const offer = this.#owner.offer(object);
    if (offer === undefined) throw new BusError('ERR_NO_METHOD', `There is no remote object ${object}.`);
    return offer.call(method, args);
  }

  async #answerLater(result: PromiseLike<unknown>): Promise<AnswerBody> {
    try {
      return this.#answerBody(await result);
    } catch (error) {
      return failureBody(error);
    } finally {
      this.#running -= 1;
    }
  }

  #answerBody(value: unknown): AnswerBody {
    let refs: Reference[] | undefined;
    try {
      if (travels(value)) return [true, value];
      refs = [];
      const sent = extract(value, this, refs);
      return [true, sent, refs];
    } catch (error) {
      this.#takeBack(refs);
      return failureBody(error);
    }
  }

  #compare(object: number, hash: string, prints: Fingerprints): void {
    this.#disagreements.delete(object);
    const offer = this.#owner.offer(object);
    if (offer === undefined || offer.hash === hash) return;
    const difference = disagreement(prints, offer.prints);
    if (difference !== undefined) this.#disagreements.set(object, difference);
  }

  /** What was lent for a call that failed is not to be used any more. */
  #takeBack(refs: readonly Reference[] | undefined): void {
    for (const [, what, id] of refs ?? []) {
      if (what === 'function') this.#functions.release(id);
      else this.#streams.stop(id);
    }
  }

  #send(frame: RpcFrame): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return this.#line.send(frame);
  }

  /** For frames nobody waits for; if the way is gone, so is whoever they were for. */
  #post(frame: RpcFrame): void {
    if (this.#closed === undefined) this.#send(frame).catch(() => undefined);
  }
}

function failureBody(error: unknown): AnswerBody {
  const { code, message, details } = failureOf(error);
  return details === undefined ? [false, code, message] : [false, code, message, details];
}

function endFrame(stream: number, error: unknown): RpcFrame {
  if (error === undefined) return [kind.end, stream];
  const { code, message } = failureOf(error);
  return [kind.end, stream, code, message];
}
