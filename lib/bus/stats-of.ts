import type { Clock } from '../base/clock.ts';
import { type HandlerTimes, handlerBoundsMs, RoundTrips } from '../session/durations.ts';
import { type LaneTraffic, Traffic, Watchers } from '../session/traffic.ts';
import type { Exchange } from './exchange.ts';
import type { PeerHandle } from './plugin.ts';
import type { BothWays, LaneStats, Stats } from './stats.ts';

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
      sum: roundTrips?.sum ?? 0,
      buckets: (roundTrips ?? new RoundTrips()).buckets,
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
