import type { Clock } from '../base/clock.ts';
import { type HandlerTimes, handlerBoundsMs } from '../session/durations.ts';
import { type LaneTraffic, Traffic, Watchers } from '../session/traffic.ts';
import type { Exchange } from './exchange.ts';
import type { PeerHandle } from './plugin.ts';

/** One number for each direction. */
export interface BothWays {
  readonly sent: number;
  readonly received: number;
}

/** Of one lane: '0' is the user's own, the others are called as their plugins, and `other` is what no plugin here has. */
export interface LaneStats {
  readonly messages: BothWays;
  readonly requests: BothWays;
  readonly bytes: BothWays;
}

/** What was counted, of a server over all its connections: plain numbers, as they are now. */
export interface Stats {
  /** Since when it is counted, in milliseconds since 1970. */
  readonly since: number;
  /** Of all lanes; those that wait for room are not sent yet. A broadcast counts once for each who gets it. */
  readonly messages: BothWays;
  /** `open`: of this end, without an answer yet. Pings are none. */
  readonly requests: BothWays & { readonly open: number };
  /** Of messages, requests and their answers, with their headers, before they are compressed. */
  readonly bytes: BothWays;
  readonly lanes: { readonly [lane: string]: LaneStats };
  /** Frames that the peer has not acknowledged. */
  readonly unacknowledged: { readonly messages: number; readonly bytes: number };
  /** What has no room yet; the bytes are those of large messages that are sent in parts, as others are not encoded yet. */
  readonly waiting: { readonly messages: number; readonly bytes: number };
  /** How often a link was opened, by what became of the session. */
  readonly resumes: { readonly fresh: number; readonly resumed: number; readonly lost: number };
  /** Answers that came too late and were discarded. */
  readonly lateResponses: number;
  /** Messages that came back because a session was lost. */
  readonly undelivered: number;
  /** How often a peer took nothing for `slowConsumerMs`. */
  readonly slow: number;
  /** How often a client was refused, by the code it was given. */
  readonly refused: { readonly [code: string]: number };
  /** How long answers to requests, confirmed messages and pings took, their handling included. `p99` is up to 25 % too long. */
  readonly roundTripMs: {
    readonly count: number;
    readonly min: number;
    readonly mean: number;
    readonly p99: number;
  };
  /**
   * How long requests took to be answered here. `buckets` has how many took no longer than the milliseconds they are called
   * by, and longer than those of the one before; the last one is `Infinity`.
   */
  readonly handlerMs: {
    readonly count: number;
    readonly sum: number;
    readonly buckets: { readonly [upToMs: string]: number };
  };
  /** What plugins count, by their names. */
  readonly plugins: { readonly [name: string]: unknown };
}

/** What is so now, and is not counted. */
class Present {
  open = 0;
  unackedMessages = 0;
  unackedBytes = 0;
  waitingMessages = 0;
  waitingBytes = 0;

  add({ requests, queues, session }: Exchange<PeerHandle>): void {
    this.open += requests.open - requests.messages.length;
    this.waitingMessages += queues.user.length + queues.lanes.length;
    if (session === undefined) return;
    const { unacknowledged, uncut } = session;
    this.unackedMessages += unacknowledged;
    this.unackedBytes += session.pendingBytes - uncut.bytes;
    this.waitingMessages += uncut.messages;
    this.waitingBytes += uncut.bytes;
  }
}

/** The counts of `exchanges`, and of `own` if that is given, which then says since when. Those of plugins are given. */
export function statsOf(
  own: Traffic | undefined,
  exchanges: readonly Exchange<PeerHandle>[],
  clock: Clock,
  plugins: Stats['plugins'] = {},
): Stats {
  const all = new Traffic<unknown>(undefined, new Watchers(), (own ?? exchanges[0]?.traffic)?.since);
  const present = new Present();
  if (own !== undefined) all.add(own);
  for (const exchange of exchanges) {
    all.addPeer(exchange);
    present.add(exchange);
  }
  const lanes = [...all.lanes()].map(([name, counts]) => [name || '0', ofLane(counts)] as const);
  const sum = (what: keyof LaneStats, way: keyof BothWays): number =>
    lanes.reduce((total, [, lane]) => total + lane[what][way], 0);
  const both = (what: keyof LaneStats): BothWays => ({ sent: sum(what, 'sent'), received: sum(what, 'received') });
  const { fresh, resumed, lost, undelivered, slow, refusals, roundTrips, late } = all;
  return {
    since: Math.round(Date.now() - (clock.now() - all.since)),
    messages: both('messages'),
    requests: { ...both('requests'), open: present.open },
    bytes: both('bytes'),
    lanes: Object.fromEntries(lanes),
    unacknowledged: { messages: present.unackedMessages, bytes: present.unackedBytes },
    waiting: { messages: present.waitingMessages, bytes: present.waitingBytes },
    resumes: { fresh, resumed, lost },
    lateResponses: late,
    undelivered,
    slow,
    refused: Object.fromEntries(refusals ?? []),
    roundTripMs: {
      count: roundTrips?.count ?? 0,
      min: roundTrips?.min ?? 0,
      mean: roundTrips === undefined ? 0 : roundTrips.sum / roundTrips.count,
      p99: roundTrips?.quantile(0.99) ?? 0,
    },
    handlerMs: ofHandlers(all.handlers),
    plugins,
  };
}

function ofLane(counts: LaneTraffic): LaneStats {
  return {
    messages: { sent: counts.messagesSent, received: counts.messagesReceived },
    requests: { sent: counts.requestsSent, received: counts.requestsReceived },
    bytes: { sent: counts.bytesSent, received: counts.bytesReceived },
  };
}

function ofHandlers(times: HandlerTimes | undefined): Stats['handlerMs'] {
  const bounds = [...handlerBoundsMs, Number.POSITIVE_INFINITY];
  const buckets = bounds.map((bound, place) => [String(bound), times?.buckets[place] ?? 0] as const);
  return { count: times?.count ?? 0, sum: times?.sum ?? 0, buckets: Object.fromEntries(buckets) };
}
