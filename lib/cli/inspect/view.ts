import type { PeerRow, Snapshot } from '../../bus/inspect/inspection-snapshot.ts';

/** What happened per second between two snapshots. */
export interface Rates {
  readonly in: number;
  readonly out: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requests: number;
}

export interface PeerView extends PeerRow {
  readonly rates: Rates;
  /** It takes nothing although something waits for it, or did so since the snapshot before. */
  readonly isSlow: boolean;
}

/** A snapshot beside the one before. */
export interface View {
  readonly now: Snapshot;
  readonly rates: Rates;
  /** Share of one processor. */
  readonly cpu: number;
  readonly peers: readonly PeerView[];
}

const none: Rates = { in: 0, out: 0, bytesIn: 0, bytesOut: 0, requests: 0 };

interface Counts {
  readonly sent: number;
  readonly received: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly requestsSent: number;
  readonly requestsReceived: number;
}

function ratesOf(now: Counts, before: Counts | undefined, seconds: number): Rates {
  if (before === undefined || seconds <= 0) return none;
  const rate = (after: number, earlier: number): number => Math.max(0, after - earlier) / seconds;
  return {
    in: rate(now.received + now.requestsReceived, before.received + before.requestsReceived),
    out: rate(now.sent + now.requestsSent, before.sent + before.requestsSent),
    bytesIn: rate(now.bytesReceived, before.bytesReceived),
    bytesOut: rate(now.bytesSent, before.bytesSent),
    requests: rate(now.requestsReceived + now.requestsSent, before.requestsReceived + before.requestsSent),
  };
}

const countsOf = ({ stats: { messages, bytes, requests } }: Snapshot): Counts => ({
  sent: messages.sent,
  received: messages.received,
  bytesSent: bytes.sent,
  bytesReceived: bytes.received,
  requestsSent: requests.sent,
  requestsReceived: requests.received,
});

/** Without one before, all rates are 0. */
export function viewOf(now: Snapshot, before: Snapshot | undefined): View {
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1_000;
  const earlier = new Map(before?.peers.map((peer) => [peer.id, peer]));
  return {
    now,
    rates: ratesOf(countsOf(now), before && countsOf(before), seconds),
    cpu: before === undefined || seconds <= 0 ? 0 : (now.cpuUs - before.cpuUs) / 1e6 / seconds,
    peers: now.peers.map((peer) => {
      const one = earlier.get(peer.id);
      return {
        ...peer,
        rates: ratesOf(peer, one, seconds),
        isSlow: peer.waiting > 0 || (one !== undefined && peer.slow > one.slow),
      };
    }),
  };
}

/** By what peers are put in order, the largest first. */
export const orders = {
  slow: ({ isSlow, waiting, unackedBytes, rates }: PeerView) =>
    (isSlow ? 1e18 : 0) + waiting * 1e9 + unackedBytes * 1e3 + rates.in + rates.out,
  in: ({ rates }: PeerView) => rates.in,
  out: ({ rates }: PeerView) => rates.out,
  requests: ({ rates }: PeerView) => rates.requests,
  bytes: ({ rates }: PeerView) => rates.bytesIn + rates.bytesOut,
  waiting: ({ waiting, unackedBytes }: PeerView) => waiting * 1e12 + unackedBytes,
  trip: ({ roundTripMs }: PeerView) => roundTripMs ?? -1,
} as const;

export type Order = keyof typeof orders;

export function sorted(peers: readonly PeerView[], order: Order, isReversed = false): PeerView[] {
  const by = orders[order];
  const way = isReversed ? -1 : 1;
  return [...peers].sort((a, b) => way * (by(b) - by(a)) || (a.id < b.id ? -1 : 1));
}
