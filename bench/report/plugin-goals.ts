import type { Results } from '../results.ts';
import type { Group } from '../scenarios/scenario.ts';
import { atMost, type Goal, share } from './goal.ts';
import { medianOf } from './numbers.ts';

/** What each plugin is held to, beside the bare thing of the same run. */
export function pluginGoals({ scenarios }: Results, group: Exclude<Group, 'bus'>): readonly Goal[] {
  const get = (scenario: string, variant: string, peer: string, metric: string): number | undefined =>
    medianOf(scenarios[scenario], variant, peer, metric);
  const part = (name: string, whole: string, percent: number, scenario: string, variant: string, peer: string): Goal =>
    share(
      name,
      `at least ${percent} % of ${whole}`,
      percent / 100,
      get(scenario, variant, 'busbar', mainMetrics[scenario] ?? 'perSecond'),
      get(scenario, variant, peer, mainMetrics[scenario] ?? 'perSecond'),
    );
  const limit = (
    name: string,
    wanted: string,
    most: number,
    unit: string,
    at: readonly [string, string, string],
  ): Goal => atMost(name, wanted, most, get(at[0], at[1], 'busbar', at[2]), unit);
  switch (group) {
    case 'channels':
      return [
        part('a chunk through the relay', 'a direct request', 60, 'channels-chunks', 'one way', 'pipelined requests'),
        limit('200 users, 20 broadcasts a second', 'under 20 % of a core', 20, '%', [
          'channels-room',
          '200 users',
          'cpu',
        ]),
      ];
    case 'rpc':
      return [part('remote calls', 'bare requests', 80, 'rpc-calls', 'to the server', 'pipelined requests')];
    case 'gateway':
      return [
        part('HTTP "hello", HttpServer', 'bare node:http', 70, 'gateway-http', 'HttpServer', 'node:http'),
        part('HTTP "hello", a bus worker', 'bare node:http', 40, 'gateway-http', 'through a worker', 'node:http'),
        part('WebSocket echo', 'bare ws', 80, 'gateway-websocket', 'echo', 'ws'),
        limit('2,000 WebSocket clients, broadcast at 20 Hz', 'on one core', 100, '%', [
          'gateway-broadcast',
          '2,000 clients',
          'cpu',
        ]),
      ];
    case 'interserve':
      return [
        part('1 GiB to a file', 'curl from a bare server', 70, 'interserve-file', 'to a file', 'curl'),
        limit('extra memory, sender', 'under 64 MiB', 64, 'MiB', ['interserve-file', 'to a file', 'sender']),
        limit('extra memory, receiver', 'under 64 MiB', 64, 'MiB', ['interserve-file', 'to a file', 'receiver']),
        limit('request p99 beside it, at full speed', 'under 3 x idle', 3, 'x', [
          'interserve-beside',
          'at full speed',
          'times',
        ]),
        limit('request p99 beside it, at 100 MB/s', 'under 3 x idle', 3, 'x', [
          'interserve-beside',
          'at 100 MB/s',
          'times',
        ]),
        limit('100,000 transfers of 1 KB, heap grown', 'no growth (under 4 MB)', 4, 'MB', [
          'interserve-small',
          '100,000',
          'sender',
        ]),
      ];
    case 'dispatch':
      return [
        part(
          'TCP to WebSocket, writes of 64 KiB',
          'a bare pipe',
          60,
          'dispatch-stream',
          'writes of 64 KiB',
          'bare pipe',
        ),
        limit('5,000 devices', 'no event missed', 0, 'missed', ['dispatch-devices', '5,000 devices', 'missing']),
        limit('50,000 datagrams a second', 'none lost uncounted', 0, 'lost', [
          'dispatch-datagrams',
          '50 k/s',
          'unaccounted',
        ]),
      ];
    case 'journal':
      return journalGoals(part, limit, get);
    case 'cluster': {
      const asked = get('cluster-request', '100 bytes', 'busbar', 'medianUs');
      const plain = get('cluster-request', '100 bytes', 'nats.js', 'medianUs');
      const times = asked === undefined || plain === undefined ? undefined : asked / plain;
      return [
        part('node to node', 'nats.js', 400, 'cluster-one-way', '100 bytes', 'nats.js'),
        atMost('a request to a client of another node', 'at most 3 x nats.js', 3, times, 'x'),
        part('broadcast to 3 nodes', 'one server', 70, 'cluster-broadcast', '100 bytes', 'one server, 150 clients'),
      ];
    }
  }
}

type Figure = (scenario: string, variant: string, peer: string, metric: string) => number | undefined;

function journalGoals(
  part: (...given: [string, string, number, string, string, string]) => Goal,
  limit: (...given: [string, string, number, string, readonly [string, string, string]]) => Goal,
  get: Figure,
): readonly Goal[] {
  const rate = '100 k/s';
  const cpuOf = (peer: string): number => get('journal-acknowledge', rate, peer, 'cpu') ?? Number.NaN;
  const atLeast = (name: string, thousands: number, metric: string, variant: string): Goal => {
    const found = get('journal-one-way', variant, 'busbar', metric);
    const wanted = `at least ${thousands} k/s`;
    if (found === undefined) return { name, wanted, measured: '', met: undefined };
    return { name, wanted, measured: `${Math.round(found / 1_000)} k/s`, met: found >= thousands * 1_000 };
  };
  const [process, power] = ['survives the process', 'survives the loss of power'];
  return [
    part('durable messages, one way', 'the same without a journal', 50, 'journal-one-way', process, 'session'),
    atLeast('durable messages, one way', 1_200, 'perSecond', process),
    atLeast('durable messages that survive power, 10,000 in flight', 200, 'acknowledged', power),
    limit('acknowledgement at 100 k/s, p99', 'at most 6 ms', 6, 'ms', ['journal-acknowledge', rate, 'p99']),
    atMost(
      'CPU beside the same without a journal',
      'at most 12 points of a core',
      12,
      cpuOf('busbar') - cpuOf('session'),
      'points',
    ),
    limit('event loop held at 100 k/s', 'at most 25 ms', 25, 'ms', ['journal-acknowledge', rate, 'heldMs']),
    limit('1,000,000 messages read back', 'within 500 ms', 500, 'ms', ['journal-recover', '1,000,000 messages', 'ms']),
    limit('memory for that', 'within 64 MiB', 64, 'MiB', ['journal-recover', '1,000,000 messages', 'mebibytes']),
  ];
}

/** Where it is not `perSecond`. */
const mainMetrics: Readonly<Record<string, string>> = {
  'interserve-file': 'megabytes',
  'dispatch-stream': 'megabytes',
};
