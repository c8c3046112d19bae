import { type BusError, errorCodes } from '../base/errors.ts';
import { Redaction } from '../base/redaction.ts';
import { isContractValue } from '../wire/contracts.ts';
import type { RequestId } from '../wire/frames.ts';
import { HandlerTimes, RoundTrips } from './durations.ts';
import type { Operations } from './operations.ts';

/** A request ends with its `response`, its `failure`, or a `cancel` of who asked. */
export type TrafficKind = 'message' | 'request' | 'response' | 'failure' | 'cancel';

/** One thing that went to a peer or came from it. */
export interface Sighting<Peer = unknown> {
  readonly peer: Peer;
  /** `in`: it came from the peer, and may still wait for its receiver. */
  readonly direction: 'in' | 'out';
  readonly kind: TrafficKind;
  /** '' for the user's own. */
  readonly lane: string;
  /** Of a request and what ends it, and of a confirmed message: each end counts its own. */
  readonly id: RequestId | undefined;
  /** What was given to `send` or came out of the decoder, of a failure its code and message: not to be changed. */
  readonly data: unknown;
  /** With its header, before it was compressed. */
  readonly bytes: number;
}

/** Looks at what goes by, at the moment it does. Must not throw, nor change what it is shown. */
export interface Watcher<Peer = unknown> {
  saw(sighting: Sighting<Peer>): void;
}

/** What becomes of peers, by what it is called. Without `peer`: of a client that a server has no connection for, or of no peer. */
export interface PeerNews<Peer = unknown> {
  readonly session: { readonly peer: Peer; readonly outcome: 'fresh' | 'resumed' | 'lost' };
  readonly slow: { readonly peer: Peer };
  readonly undelivered: { readonly peer: Peer; readonly count: number };
  readonly refused: {
    readonly peer: Peer | undefined;
    readonly code: string;
    readonly remoteAddress: string | undefined;
  };
  /** The link broke, and the session continues; told only where there is a log, as is `ended`. */
  readonly link: { readonly peer: Peer };
  readonly ended: { readonly peer: Peer; readonly reason: unknown };
  readonly error: { readonly peer: Peer | undefined; readonly error: BusError; readonly isHeard: boolean };
}

/** Those who look at the traffic of one client, or of all connections of a server. */
export class Watchers<Peer = unknown> {
  /** All who look, as one; undefined while nobody does, which is all that is asked for each message. */
  watcher: Watcher<Peer> | undefined;
  /** Hears what becomes of peers and their sessions, where somebody may want to know. Must not throw. */
  told: (<What extends keyof PeerNews>(what: What, about: PeerNews<Peer>[What]) => void) | undefined;
  /** Follows what is done, for those who trace it; absent where nobody ever does. */
  operations: Operations<Peer> | undefined;
  /** What of messages is not shown to people. */
  redaction = new Redaction([]);
  /** The lanes that plugins of this end have; what comes on others is counted together, as a peer may name them as it likes. */
  readonly lanes = new Set<string>();
  #all: readonly Watcher<Peer>[] = [];

  /** Has `watcher` look from now on; returns how to stop that. */
  add(watcher: Watcher<Peer>): () => void {
    this.#set([...this.#all, watcher]);
    return () => this.#set(this.#all.filter((other) => other !== watcher));
  }

  #set(all: readonly Watcher<Peer>[]): void {
    this.#all = all;
    const saw = (sighting: Sighting<Peer>): void => {
      for (const watcher of all) watcher.saw(sighting);
    };
    this.watcher = all.length > 1 ? { saw } : all[0];
  }
}

/** What went and came on one lane: frames that carry something of its user's, and their bytes. */
export class LaneTraffic {
  messagesSent = 0;
  messagesReceived = 0;
  requestsSent = 0;
  requestsReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;

  add(other: LaneTraffic): void {
    this.messagesSent += other.messagesSent;
    this.messagesReceived += other.messagesReceived;
    this.requestsSent += other.requestsSent;
    this.requestsReceived += other.requestsReceived;
    this.bytesSent += other.bytesSent;
    this.bytesReceived += other.bytesReceived;
  }
}

/** By what lanes are called that no plugin of this end has. */
export const otherLanes = 'other';

/** What there is to report about a frame that came. */
interface Arrival {
  readonly id?: RequestId;
  readonly data?: unknown;
  readonly error?: unknown;
}

/** What went to one peer and came from it, from one session to the next, and what became of the sessions. */
export class Traffic<Peer = unknown> {
  readonly peer: Peer;
  readonly since: number;
  /** Of the user's own lane. */
  readonly user = new LaneTraffic();
  fresh = 0;
  resumed = 0;
  lost = 0;
  slow = 0;
  undelivered = 0;
  late = 0;
  /** Made for the first answer, and for the first request that was answered here. */
  roundTrips: RoundTrips | undefined;
  handlers: HandlerTimes | undefined;
  refusals: Map<string, number> | undefined;
  readonly watchers: Watchers<Peer>;
  #lanes: Map<string, LaneTraffic> | undefined;
  /** Of plugins' lanes, the one that was asked for last. */
  #lastName = '';
  #last: LaneTraffic = this.user;

  /** `since`: when it is counted from, on the clock of the bus. */
  constructor(peer: Peer, watchers: Watchers<Peer>, since = 0) {
    this.peer = peer;
    this.since = since;
    this.watchers = watchers;
  }

  sent(kind: TrafficKind, lane: string, id: RequestId | undefined, data: unknown, bytes: number): void {
    const counts = lane === this.#lastName ? this.#last : this.#of(lane);
    counts.bytesSent += bytes;
    if (kind === 'message') counts.messagesSent += 1;
    else if (kind === 'request') counts.requestsSent += 1;
    if (this.watchers.watcher !== undefined) this.#tell('out', kind, lane, id, data, bytes);
  }

  received(kind: TrafficKind, lane: string, frame: Arrival, bytes: number): void {
    const counts = lane === this.#lastName ? this.#last : this.#of(lane);
    counts.bytesReceived += bytes;
    if (kind === 'message') counts.messagesReceived += 1;
    else if (kind === 'request') counts.requestsReceived += 1;
    if (this.watchers.watcher !== undefined) this.#tell('in', kind, lane, frame.id, frame.error ?? frame.data, bytes);
  }

  /** An answer came after `ms`. */
  roundTrip(ms: number): void {
    (this.roundTrips ??= new RoundTrips()).add(ms);
  }

  /** A request was answered here after `ms`. */
  handled(ms: number): void {
    (this.handlers ??= new HandlerTimes()).add(ms);
  }

  /** A link was opened. */
  opened(outcome: 'fresh' | 'resumed' | 'lost'): void {
    this[outcome] += 1;
    this.watchers.told?.('session', { peer: this.peer, outcome });
  }

  /** The peer takes nothing. */
  stalled(): void {
    this.slow += 1;
    this.watchers.told?.('slow', { peer: this.peer });
  }

  /** `count` messages came back. */
  cameBack(count: number): void {
    if (count === 0) return;
    this.undelivered += count;
    this.watchers.told?.('undelivered', { peer: this.peer, count });
  }

  /** A client was refused. A server knows its address, and has no connection for it. */
  refused(code: string, remoteAddress?: string): void {
    // One of a peer's own is counted with others of its kind.
    const known = Object.hasOwn(errorCodes, code) ? code : 'ERR_REFUSED';
    this.#countRefused(known, 1);
    this.watchers.told?.('refused', { peer: this.peer, code: known, remoteAddress });
  }

  /** `error` belongs to no call, but perhaps to `peer`; `isHeard`: somebody listens to those. */
  failed(peer: Peer | undefined, error: BusError, isHeard: boolean): void {
    this.watchers.told?.('error', { peer, error, isHeard });
  }

  /** Counts what `other` counted too. */
  add(other: Traffic): void {
    for (const [lane, counts] of other.lanes()) (lane === '' ? this.user : this.#named(lane)).add(counts);
    for (const [code, count] of other.refusals ?? []) this.#countRefused(code, count);
    this.fresh += other.fresh;
    this.resumed += other.resumed;
    this.lost += other.lost;
    this.slow += other.slow;
    this.undelivered += other.undelivered;
    this.late += other.late;
    if (other.roundTrips !== undefined) (this.roundTrips ??= new RoundTrips()).merge(other.roundTrips);
    if (other.handlers !== undefined) (this.handlers ??= new HandlerTimes()).merge(other.handlers);
  }

  /** The same of all that there was with a peer. */
  addPeer({ traffic, requests }: { readonly traffic: Traffic; readonly requests: { readonly late: number } }): void {
    this.add(traffic);
    this.late += requests.late;
  }

  /** By name, those that something went or came on; the user's, which is '', always. */
  *lanes(): Generator<[name: string, counts: LaneTraffic]> {
    yield ['', this.user];
    if (this.#lanes !== undefined) yield* this.#lanes;
  }

  #countRefused(code: string, times: number): void {
    this.refusals ??= new Map();
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + times);
  }

  #of(lane: string): LaneTraffic {
    this.#lastName = lane;
    this.#last = lane === '' ? this.user : this.#named(this.watchers.lanes.has(lane) ? lane : otherLanes);
    return this.#last;
  }

  #named(name: string): LaneTraffic {
    this.#lanes ??= new Map();
    let counts = this.#lanes.get(name);
    if (counts === undefined) this.#lanes.set(name, (counts = new LaneTraffic()));
    return counts;
  }

  #tell(
    direction: 'in' | 'out',
    kind: TrafficKind,
    lane: string,
    id: RequestId | undefined,
    given: unknown,
    bytes: number,
  ): void {
    const data = isContractValue(given) ? given.value : given;
    this.watchers.watcher?.saw({ peer: this.peer, direction, kind, lane, id: id || undefined, data, bytes });
  }
}
