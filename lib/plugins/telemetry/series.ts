import type { PluginHost } from '../../bus/plugin.ts';

/** What is counted of one client or server, as `stats()` has it. */
export type Counted = ReturnType<PluginHost['stats']>;

/** One metric and how it comes of what was counted. Names and units are those of Prometheus. */
export interface Series {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  values(counted: Counted, connections: Connections): readonly Sample[];
}

/** How many peers have a link, and how many sessions wait for one. */
export interface Connections {
  readonly attached: number;
  readonly detached: number;
}

/** One line; `suffix`: what it adds to the name. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

const one = (value: number): readonly Sample[] => [{ labels: {}, value }];

const each = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));

/** By lane: the user's own, which `stats()` calls 0, is `user`. */
function byLane(what: 'messages' | 'requests' | 'bytes', way: 'sent' | 'received') {
  return ({ lanes }: Counted): readonly Sample[] =>
    Object.entries(lanes).map(([lane, counts]) => ({
      labels: { lane: lane === '0' ? 'user' : lane },
      value: counts[what][way],
    }));
}

interface Histogram {
  readonly count: number;
  readonly sum: number;
  readonly buckets: Readonly<Record<string, number>>;
}

/** In seconds, each bucket with those before it. */
function histogram({ count, sum, buckets }: Histogram): readonly Sample[] {
  let total = 0;
  // Whole numbers come first among the keys of an object.
  const ordered = Object.entries(buckets).map(([upToMs, inBucket]) => [Number(upToMs), inBucket] as const);
  ordered.sort(([one], [other]) => one - other);
  const bounds = ordered.map(([upToMs, inBucket]): Sample => {
    total += inBucket;
    const le = upToMs === Number.POSITIVE_INFINITY ? '+Inf' : String(upToMs / 1_000);
    return { labels: { le }, value: total, suffix: '_bucket' };
  });
  return [
    ...bounds,
    { labels: {}, value: sum / 1_000, suffix: '_sum' },
    { labels: {}, value: count, suffix: '_count' },
  ];
}

const counter = (name: string, help: string, values: Series['values']): Series => ({
  name: `busbar_${name}_total`,
  help,
  type: 'counter',
  values,
});

const gauge = (name: string, help: string, values: Series['values']): Series => ({
  name: `busbar_${name}`,
  help,
  type: 'gauge',
  values,
});

export const allSeries: readonly Series[] = [
  counter('messages_sent', 'Messages sent, by lane', byLane('messages', 'sent')),
  counter('messages_received', 'Messages received, by lane', byLane('messages', 'received')),
  counter('requests_sent', 'Requests sent, by lane', byLane('requests', 'sent')),
  counter('requests_received', 'Requests received, by lane', byLane('requests', 'received')),
  counter('sent_bytes', 'Bytes of messages, requests and answers sent, by lane', byLane('bytes', 'sent')),
  counter('received_bytes', 'Bytes of messages, requests and answers received, by lane', byLane('bytes', 'received')),
  counter('resumes', 'Links opened, by what became of the session', ({ resumes }) => each('outcome', resumes)),
  counter('late_responses', 'Answers that arrived too late', ({ lateResponses }) => one(lateResponses)),
  counter('undelivered_messages', 'Messages of lost sessions that came back', ({ undelivered }) => one(undelivered)),
  counter('slow_peers', 'How often a peer took nothing for slowConsumerMs', ({ slow }) => one(slow)),
  counter('refused', 'Refused clients, by the code of the error', ({ refused }) => each('code', refused)),
  gauge('connections', 'Peers with a link, and sessions that wait for one', (_, { attached, detached }) =>
    each('state', { attached, detached }),
  ),
  gauge('open_requests', 'Requests without an answer', ({ requests }) => one(requests.open)),
  gauge('unacknowledged_messages', 'Frames that peers have not acknowledged', ({ unacknowledged }) =>
    one(unacknowledged.messages),
  ),
  gauge('unacknowledged_bytes', 'Their bytes', ({ unacknowledged }) => one(unacknowledged.bytes)),
  gauge('waiting_messages', 'What has no room yet', ({ waiting }) => one(waiting.messages)),
  gauge('waiting_bytes', 'Bytes of large messages that wait to be sent in parts', ({ waiting }) => one(waiting.bytes)),
  {
    name: 'busbar_handler_duration_seconds',
    help: 'How long requests took to be answered here',
    type: 'histogram',
    values: ({ handlerMs }) => histogram(handlerMs),
  },
  {
    name: 'busbar_request_duration_seconds',
    help: 'How long answers of peers took',
    type: 'histogram',
    values: ({ roundTripMs }) => histogram(roundTripMs),
  },
];
