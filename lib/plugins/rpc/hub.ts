import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import type { CallRequest } from './call-context.ts';
import type { CallTransport } from './call-transport.ts';
import type { ExportNumbers } from './exports.ts';
import { type AnswerBody, isCallBody, isRpcFrame } from './frame.ts';
import type { Callee } from './offer.ts';
import type { RpcLimits } from './options.ts';
import { RpcSession, type SessionHost } from './session.ts';

/** What a hub needs of the bus or the channel it stands on; a key stands for one peer. */
export interface HubHost<Key> {
  readonly clock: Clock;
  /** The way of a new session's calls. */
  open(key: Key, session: RpcSession): CallTransport;
  report(error: unknown, key: Key): void;
  /** The peer sent what no correct peer sends. */
  suspicious(key: Key, error: unknown): void;
}

/** Makes the offer for one peer. */
export type OfferMaker<Key> = (key: Key) => Callee;

/** The remote objects of one end: what it offers to whom, and its sessions with those at the peer. */
export class RpcHub<Key> {
  readonly clock: Clock;
  readonly limits: RpcLimits = { maxStreams: 1_000, maxFunctions: 10_000 };
  /** One count for all sessions: what was said in one that is over means nothing in the next. */
  readonly #numbers: ExportNumbers = { last: 0 };
  readonly #host: HubHost<Key>;
  readonly #sessions = new Map<Key, RpcSession>();
  readonly #forAll = new Map<number, OfferMaker<Key>>();
  readonly #forOne = new Map<Key, Map<number, OfferMaker<Key>>>();
  /** Offers that were made, by key and id. */
  readonly #made = new Map<Key, Map<number, Callee>>();

  constructor(host: HubHost<Key>) {
    this.#host = host;
    this.clock = host.clock;
  }

  /** Offers an object to all other sides, or to one; the function returned takes it back. */
  offer(id: number, maker: OfferMaker<Key>, key?: Key): () => void {
    const makers = key === undefined ? this.#forAll : inner(this.#forOne, key);
    makers.set(id, maker);
    this.#forget(id);
    return () => {
      if (makers.get(id) !== maker) return;
      makers.delete(id);
      this.#forget(id);
    };
  }

  /** What there is: in `stats().plugins.rpc`. `calls` are being run here. */
  counts(): { readonly objects: number; readonly peers: number; readonly calls: number } {
    let [objects, calls] = [this.#forAll.size, 0];
    for (const makers of this.#forOne.values()) objects += makers.size;
    for (const { running } of this.#sessions.values()) calls += running;
    return { objects, peers: this.#sessions.size, calls };
  }

  /** The session with an other side. */
  session(key: Key): RpcSession {
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const host = this.#host;
    const owner: SessionHost = {
      peer: key,
      limits: this.limits,
      numbers: this.#numbers,
      offer: (id) => this.#find(key, id),
      report: (error) => host.report(error, key),
    };
    const session = new RpcSession(owner, (opened) => host.open(key, opened));
    this.#sessions.set(key, session);
    return session;
  }

  receive(key: Key, frame: unknown): void {
    try {
      if (!isRpcFrame(frame)) throw new BusError('ERR_PROTOCOL', 'Not a frame of a remote call');
      this.session(key).receive(frame);
    } catch (error) {
      this.#host.suspicious(key, error);
    }
  }

  /** @throws BusError `ERR_PROTOCOL` for what is not a call. */
  answer(key: Key, call: unknown, request: CallRequest): AnswerBody | Promise<AnswerBody> {
    if (!isCallBody(call)) throw new BusError('ERR_PROTOCOL', 'Not a remote call');
    return this.session(key).answer(call, request);
  }

  /** The peer is gone: everything pending with it is rejected. */
  gone(key: Key, error: BusError): void {
    this.#sessions.get(key)?.close(error);
    this.#sessions.delete(key);
    this.#made.delete(key);
    this.#forOne.delete(key);
  }

  #find(key: Key, id: number): Callee | undefined {
    const made = inner(this.#made, key);
    const known = made.get(id);
    if (known !== undefined) return known;
    const maker = this.#forOne.get(key)?.get(id) ?? this.#forAll.get(id);
    const offer = maker?.(key);
    if (offer !== undefined) made.set(id, offer);
    return offer;
  }

  #forget(id: number): void {
    for (const made of this.#made.values()) made.delete(id);
  }
}

function inner<Key, Value>(outer: Map<Key, Map<number, Value>>, key: Key): Map<number, Value> {
  const known = outer.get(key);
  if (known !== undefined) return known;
  const made = new Map<number, Value>();
  outer.set(key, made);
  return made;
}
