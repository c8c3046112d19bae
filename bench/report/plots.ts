import type { Results } from '../results.ts';
import { medianOf } from './numbers.ts';

interface Row {
  readonly peer: string;
  readonly x: string | number;
  readonly y: number;
}

/** The peers that lines are drawn for; a plot with all of them cannot be read. */
const drawn = ['busbar', 'bare socket', 'net-ipc MessagePack', 'net-ipc JSON', 'node-ipc', 'ws', 'NATS', 'zeromq'];
const ours = '#c8102e';
const palette = [ours, '#888888', '#1f77b4', '#7fb3d5', '#2ca02c', '#9467bd', '#ff7f0e', '#8c564b'];

const look = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  background: 'white',
  width: 640,
  height: 360,
};
const fonts = { font: 'sans-serif', axis: { labelFontSize: 12, titleFontSize: 13 }, title: { fontSize: 15 } };

function rows(results: Results, scenario: string, metric: string, x: (variant: string) => number): Row[] {
  const measured = results.scenarios[scenario];
  return Object.entries(measured?.variants ?? {}).flatMap(([variant, peers]) =>
    Object.keys(peers).flatMap((peer) => {
      const y = medianOf(measured, variant, peer, metric);
      return y === undefined || !drawn.includes(peer) ? [] : [{ peer, x: x(variant), y }];
    }),
  );
}

function bars(
  results: Results,
  scenario: string,
  variant: string,
  metric: string,
  title: string,
  unit: string,
): object {
  const measured = results.scenarios[scenario];
  const values = Object.keys(measured?.variants[variant] ?? {}).map((peer) => ({
    peer,
    y: medianOf(measured, variant, peer, metric),
    ours: peer.startsWith('busbar') && !peer.includes('net-ipc'),
  }));
  return {
    ...look,
    config: fonts,
    title,
    height: { step: 20 },
    data: { values },
    mark: 'bar',
    encoding: {
      y: { field: 'peer', type: 'nominal', sort: '-x', title: null, axis: { labelLimit: 400 } },
      x: { field: 'y', type: 'quantitative', title: unit },
      color: {
        field: 'ours',
        type: 'nominal',
        legend: null,
        scale: { domain: [true, false], range: [ours, '#8899aa'] },
      },
    },
  };
}

function lines(values: Row[], title: string, xTitle: string, yTitle: string): object {
  const domain = drawn.filter((name) => values.some(({ peer }) => peer === name));
  return {
    ...look,
    config: fonts,
    title,
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'x', type: 'quantitative', scale: { type: 'log' }, title: xTitle, axis: { format: '~s' } },
      y: { field: 'y', type: 'quantitative', scale: { type: 'log' }, title: yTitle, axis: { format: '~s' } },
      color: { field: 'peer', type: 'nominal', title: null, scale: { domain, range: palette } },
    },
  };
}

const payloadBytes: Record<string, number> = {
  tiny: 7,
  game: 109,
  '1k': 1_024,
  '64k': 65_536,
  '64k-binary': 65_536,
  '1m-binary': 1_048_576,
  '4m-binary': 4_194_304,
  '16m-binary': 16_777_216,
};

/** The plots of a results file, by file name; without those that nothing was measured for. */
export function plots(results: Results): Map<string, object> {
  const found = new Map<string, object>();
  const { scenarios } = results;
  const add = (name: string, scenario: string, make: () => object): void => {
    if (scenarios[scenario] !== undefined) found.set(name, make());
  };
  add('pipelined', 'pipelined', () =>
    bars(results, 'pipelined', '256 in flight', 'perSecond', 'Requests, 256 in flight, 100-byte object', 'requests/s'),
  );
  add('one-way', 'one-way', () =>
    bars(results, 'one-way', 'game object', 'perSecond', 'One-way messages, 100-byte object', 'messages/s'),
  );
  add('broadcast', 'broadcast', () =>
    bars(results, 'broadcast', 'to 50', 'perSecond', 'Broadcast to 50 clients, 100-byte object', 'deliveries/s'),
  );
  add('latency', 'open-loop', () => {
    const rate = (variant: string): number => Number.parseInt(variant, 10) * 1_000;
    return lines(rows(results, 'open-loop', 'p99', rate), 'Latency against load, p99', 'requests/s', 'us');
  });
  add('payload-sizes', 'payload-sizes', () => {
    const values = rows(results, 'payload-sizes', 'megabytes', (variant) => payloadBytes[variant] ?? NaN).filter(
      ({ x, y }, n, all) =>
        !all.some((other, m) => m > n && other.x === x && other.peer === all[n]?.peer && other.y >= y),
    );
    return lines(values, 'Throughput against payload size, one-way', 'bytes of a message', 'MB/s');
  });
  add('many-clients', 'many-clients', () => {
    const clients = (variant: string): number => Number.parseInt(variant, 10);
    const values = rows(results, 'many-clients', 'perSecond', clients);
    return lines(values, 'Throughput against number of clients, 16 requests in flight each', 'clients', 'requests/s');
  });
  return found;
}
