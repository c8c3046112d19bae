import { asBusError, BusError } from '../../base/errors.ts';
import { isThenable } from '../../base/handling.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { AskOptions } from '../../bus/plugin.ts';
import { type CallRequest, OneWayContext } from './call-context.ts';
import { usualAsk } from './call-options.ts';
import type { CallTransport } from './call-transport.ts';
import { contractHash, disagreement, type Fingerprints } from './contract.ts';
import { type ExportNumbers, Exports } from './exports.ts';
import { type AnswerBody, type CallBody, endFrame, failureBody, isAnswerBody, kind, type RpcFrame } from './frame.ts';
import { Imports } from './imports.ts';
import type { Callee } from './offer.ts';
import type { RpcLimits } from './options.ts';
import { extract, type Reference, restore, travels, wellFormed } from './references.ts';
import { Releases } from './releases.ts';

export interface SessionHost {
  /** Who the peer is, for those who are told. */
  readonly peer: unknown;
  readonly limits: RpcLimits;
  readonly numbers: ExportNumbers;
  /** What is offered to this other side under this id. */
  offer(id: number): Callee | undefined;
  readonly report: (error: unknown) => void;
}

const maxRunning = 10_000;
/** Of data without functions and streams, which is most; never written to. */
const noRefs: Reference[] = [];

/** What this end and one peer call on each other, whatever carries it. */
export class RpcSession {
  readonly #transport: CallTransport;
  readonly #owner: SessionHost;
  readonly #exports: Exports;
  readonly #imports: Imports;
  readonly #releases = new Releases((frame) => this.#send(frame));
  /** By object id: how the contract that the peer counts on differs. */
  readonly #disagreements = new Map<number, string>();
  readonly #stated = new Set<string>();
  readonly #oneWay: OneWayContext<unknown>;
  /** Calls of the peer that are being run. */
  running = 0;
  #closed: BusError | undefined;

  constructor(owner: SessionHost, openTransport: (session: RpcSession) => CallTransport) {
    this.#owner = owner;
    this.#oneWay = new OneWayContext(owner.peer);
    this.#transport = openTransport(this);
    this.#exports = new Exports(owner.limits, owner.numbers, {
      item: (stream, value) => this.#send([kind.item, stream, value]),
      end: (stream, error) => this.#releases.add(endFrame(stream, error, owner.report)),
    });
    this.#imports = new Imports(owner.limits, {
      call: (id, args) => this.call(null, id, args, usualAsk),
      notify: (id, args) => this.notify(null, id, args),
      release: (id) => this.#releases.add([kind.release, id]),
      credit: (stream, items) => {
        const failed = (error: unknown): void => this.#imports.failed(stream, asBusError(error, 'ERR_CLOSED'));
        this.#send([kind.credit, stream, items]).catch(failed);
      },
      stop: (stream, early) => {
        if (early) this.#releases.add([kind.stop, stream]);
      },
    });
  }

  /** The peer is gone. */
  get isOver(): boolean {
    return this.#closed !== undefined;
  }

  /** States once what this end takes the remote object to be; the peer answers calls accordingly. */
  expect(object: number, prints: Fingerprints): void {
    const hash = contractHash(prints);
    const key = `${object} ${hash}`;
    if (this.#stated.has(key)) return;
    this.#stated.add(key);
    this.#post([kind.contract, object, hash, prints]);
  }

  call(object: number | null, method: string | number, args: readonly unknown[], ask: AskOptions): Promise<unknown> {
    let refs = noRefs;
    try {
      if (this.#closed !== undefined) throw this.#closed;
      if (travels(args)) return this.#transport.ask([object, method, null, ...args], ask).then(this.settle);
      refs = [];
      const sent = extract(args, this.#exports, refs) as readonly unknown[];
      const answer = this.#transport.ask([object, method, refs, ...sent], ask).then(this.settle);
      const exported = refs;
      answer.catch(() => this.#exports.revoke(exported));
      return answer;
    } catch (error) {
      this.#exports.refuse(args, refs);
      return Promise.reject(asBusError(error, 'ERR_UNENCODABLE'));
    }
  }

  /** Resolves when the call was accepted for sending; nothing comes back. */
  async notify(object: number | null, method: string | number, args: readonly unknown[]): Promise<void> {
    let refs = noRefs;
    try {
      if (this.#closed !== undefined) throw this.#closed;
      if (travels(args)) {
        await this.#send([kind.notify, [object, method, null, ...args]]);
        return;
      }
      refs = [];
      const sent = extract(args, this.#exports, refs) as readonly unknown[];
      await this.#send([kind.notify, [object, method, refs, ...sent]]);
    } catch (error) {
      this.#exports.refuse(args, refs);
      throw error;
    }
  }

  /** Answers a call of the peer; a failure is an answer too. */
  answer(call: CallBody, request: CallRequest): AnswerBody | Promise<AnswerBody> {
    this.#releases.retry();
    if (this.running >= maxRunning) {
      this.#imports.releaseAll(wellFormed(call[2]));
      return failureBody(new BusError('ERR_QUEUE_FULL', `${maxRunning} calls are being handled already`));
    }
    let result: unknown;
    try {
      result = this.#invoke(call, request);
    } catch (error) {
      this.#callEnded(call);
      return failureBody(error, this.#owner.report);
    }
    if (isThenable(result)) {
      this.running += 1;
      return this.#answerLater(call, result, request);
    }
    const body = this.#answerBody(result, request);
    this.#callEnded(call, body);
    return body;
  }

  /** An answer arrived for a cancelled call: what was exported with it is released. */
  readonly unclaimed = (answer: unknown): void => {
    if (isAnswerBody(answer) && answer[0]) this.#imports.releaseAll(wellFormed(answer[2]));
  };

  /** @throws BusError `ERR_PROTOCOL` for what no correct peer sends. */
  receive(frame: RpcFrame): void {
    if (this.#closed !== undefined) return;
    this.#releases.retry();
    switch (frame[0]) {
      case kind.notify:
        this.#notified(frame[1]);
        return;
      case kind.release:
        this.#exports.release(frame[1]);
        return;
      case kind.item:
        this.#imports.item(frame[1], frame[2]);
        return;
      case kind.end:
        this.#imports.ended(frame[1], frame[2] === undefined ? undefined : new BusError(frame[2], frame[3] ?? ''));
        return;
      case kind.credit:
        this.#exports.credit(frame[1], frame[2]);
        return;
      case kind.stop:
        this.#exports.stop(frame[1]);
        return;
      case kind.contract:
        this.#compare(frame[1], frame[2], frame[3]);
        return;
    }
  }

  /** Rejects everything pending with `error`; the peer is gone. */
  close(error: BusError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#oneWay.abort(error);
    this.#transport.close(error);
    this.#exports.close(error);
    this.#imports.close(error);
    this.#releases.clear();
  }

  /** What a call resolves to, or the error its method failed with. */
  readonly settle = (answer: unknown): unknown => {
    if (!isAnswerBody(answer)) throw new BusError('ERR_PROTOCOL', 'Not an answer of a remote call');
    if (answer[0]) return this.#restore(answer[1], answer[2]);
    const [, code, message, details] = answer;
    throw new BusError(code, message, details === undefined ? {} : { details });
  };

  #notified(call: CallBody): void {
    const failed = (error: unknown): void => {
      this.#callEnded(call);
      this.#owner.report(error);
    };
    try {
      const result = this.#invoke(call, this.#oneWay);
      if (isThenable(result)) result.then(() => this.#callEnded(call), failed);
      else this.#callEnded(call);
    } catch (error) {
      failed(error);
    }
  }

  #invoke(call: CallBody, context: CallRequest): unknown {
    const object = call[0];
    const method = call[1];
    const sent = call.slice(3);
    const args = call[2] === null ? sent : (this.#restore(sent, call[2]) as readonly unknown[]);
    if (object === null) {
      const target = typeof method === 'number' ? this.#exports.function(method) : undefined;
      if (target === undefined) throw new BusError('ERR_NO_METHOD', 'The callback was released');
      return target(...args);
    }
    const difference = this.#disagreements.get(object);
    if (difference !== undefined) throw new BusError('ERR_CONTRACT', difference);
    const offer = this.#owner.offer(object);
    if (offer === undefined) throw new BusError('ERR_NO_METHOD', `There is no remote object ${object}`);
    return offer.call(method, args, context);
  }

  async #answerLater(call: CallBody, result: PromiseLike<unknown>, request: CallRequest): Promise<AnswerBody> {
    let body: AnswerBody | undefined;
    try {
      body = this.#answerBody(await result, request);
      return body;
    } catch (error) {
      return failureBody(error, this.#owner.report);
    } finally {
      this.running -= 1;
      this.#callEnded(call, body);
    }
  }

  #answerBody(value: unknown, request: CallRequest): AnswerBody {
    let refs = noRefs;
    try {
      if (travels(value)) return [true, value];
      const exported: Reference[] = [];
      refs = exported;
      let wanted = true;
      request.whenUnsent(() => {
        wanted = false;
        this.#exports.revoke(exported);
      });
      if (!wanted) throw new BusError('ERR_ABORTED', 'The caller cancelled the call');
      return [true, extract(value, this.#exports, exported), exported];
    } catch (error) {
      this.#exports.refuse(value, refs);
      return failureBody(error);
    }
  }

  /**
   * Releases streams among the arguments of `call` that nobody reads: when those in its answer are over, which may be
   * made of them. Functions in the answer may keep them as long as they can be called.
   */
  #callEnded(call: CallBody, body?: AnswerBody): void {
    const refs = call[2];
    if (refs === null) return;
    // Whoever was handed a stream to pipe it begins to read a little later.
    const end = (): void => systemClock.defer(() => this.#imports.callEnded(wellFormed(refs)));
    const exported = body?.[0] === true ? (body[2] ?? []) : [];
    if (exported.length === 0) end();
    else this.#exports.whenOver(exported, end);
  }

  /** @throws BusError `ERR_PROTOCOL` or `ERR_TOO_LARGE`; nothing of what `refs` stand for is held then. */
  #restore(value: unknown, refs: readonly Reference[] | undefined): unknown {
    try {
      return restore(value, refs, this.#imports);
    } catch (error) {
      this.#imports.releaseAll(wellFormed(refs));
      throw error;
    }
  }

  #compare(object: number, hash: string, prints: Fingerprints): void {
    this.#disagreements.delete(object);
    const offer = this.#owner.offer(object);
    if (offer === undefined || offer.hash === hash) return;
    const difference = disagreement(prints, offer.prints);
    if (difference !== undefined) this.#disagreements.set(object, difference);
  }

  #send(frame: RpcFrame): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return this.#transport.send(frame);
  }

  /** For frames nobody waits for; if the link is gone, so is their receiver. */
  #post(frame: RpcFrame): void {
    if (this.#closed === undefined) this.#send(frame).catch(() => undefined);
  }
}
