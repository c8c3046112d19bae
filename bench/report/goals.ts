import type { Results } from '../results.ts';
import type { Group } from '../scenarios/scenario.ts';
import { atMost, type Goal, over, share } from './goal.ts';
import { medianOf } from './numbers.ts';
import { pluginGoals } from './plugin-goals.ts';

/** Whoever is no peer to be beaten: ourselves, mixed pairs, and the limit. */
const noPeers = ['busbar', 'bare socket', 'net-ipc with busbar'];

export function goals(results: Results, group: Group = 'bus'): readonly Goal[] {
  return group === 'bus' ? busGoals(results) : pluginGoals(results, group);
}

function busGoals({ scenarios }: Results): readonly Goal[] {
  const get = (scenario: string, variant: string, peer: string, metric: string): number | undefined =>
    medianOf(scenarios[scenario], variant, peer, metric);
  const fastest = (scenario: string, variant: string, metric: string, better: 'higher' | 'lower') => {
    const peers = Object.keys(scenarios[scenario]?.variants[variant] ?? {});
    const found = peers
      .filter((peer) => !noPeers.some((name) => peer.startsWith(name)))
      .map((peer) => ({ peer, value: get(scenario, variant, peer, metric) }))
      .filter((one): one is { peer: string; value: number } => one.value !== undefined)
      .sort((a, b) => (better === 'higher' ? b.value - a.value : a.value - b.value));
    return found[0];
  };
  const times = (name: string, atLeast: number, scenario: string, variant: string, metric: string): Goal => {
    const ours = get(scenario, variant, 'busbar', metric);
    const best = fastest(scenario, variant, metric, 'higher');
    const wanted = `at least ${atLeast} x the fastest peer`;
    if (ours === undefined || best === undefined) return { name, wanted, measured: '', met: undefined };
    const factor = ours / best.value;
    return { name, wanted, measured: `${factor.toFixed(2)} x ${best.peer}`, met: factor >= atLeast };
  };
  const one = 'one request';
  const sequential = (metric: string): number | undefined => get('sequential', one, 'busbar', metric);
  const sizes = ['64k-binary', '1m-binary', '4m-binary', '16m-binary'];
  const speeds = sizes.map((size) => get('payload-sizes', size, 'busbar', 'megabytes') ?? NaN);
  const legacy = [
    over(
      get('pipelined', '256 in flight', 'busbar with net-ipc client', 'perSecond'),
      get('pipelined', '256 in flight', 'net-ipc MessagePack', 'perSecond'),
    ),
    over(
      get('one-way', 'game object', 'busbar with net-ipc client', 'perSecond'),
      get('one-way', 'game object', 'net-ipc MessagePack', 'perSecond'),
    ),
    over(
      get('broadcast', 'to 50', 'busbar with net-ipc client', 'perSecond'),
      get('broadcast', 'to 50', 'net-ipc MessagePack', 'perSecond'),
    ),
  ].filter((value) => value !== undefined);
  return [
    times('pipelined requests, 256 in flight', 3, 'pipelined', '256 in flight', 'perSecond'),
    times('one-way', 3.5, 'one-way', 'game object', 'perSecond'),
    share(
      'one-way against msgpackr alone',
      'at least half of what it packs',
      0.5,
      get('one-way', 'game object', 'busbar', 'perSecond'),
      get('one-way', 'game object', 'busbar', 'alone'),
    ),
    times('broadcast to 50', 2.5, 'broadcast', 'to 50', 'perSecond'),
    atMost(
      'sequential request, median',
      'no slower than the fastest peer',
      1,
      over(sequential('p50'), fastest('sequential', one, 'p50', 'lower')?.value),
    ),
    atMost(
      'sequential request, p99',
      'no slower than the fastest peer',
      1,
      over(sequential('p99'), fastest('sequential', one, 'p99', 'lower')?.value),
    ),
    atMost(
      'sequential request against the bare socket',
      'within 15 %',
      1.15,
      over(sequential('p50'), get('sequential', one, 'bare socket', 'p50')),
    ),
    share(
      '4 MiB binary',
      'at least 80 % of the bare socket',
      0.8,
      get('binary', '4m-binary', 'busbar', 'megabytes'),
      get('binary', '4m-binary', 'bare socket', 'megabytes'),
    ),
    atMost(
      '4 MiB binary, peak memory',
      'under three payloads',
      3,
      get('binary', '4m-binary', 'busbar', 'peak'),
      'payloads',
    ),
    share(
      '64 KiB to 16 MiB',
      'never below 70 % of its best',
      0.7,
      ...(speeds.some(Number.isNaN) ? [] : [Math.min(...speeds), Math.max(...speeds)]),
    ),
    share(
      '1,000 clients against 10',
      'at least 70 % of the throughput',
      0.7,
      get('many-clients', '1000 clients', 'busbar', 'perSecond'),
      get('many-clients', '10 clients', 'busbar', 'perSecond'),
    ),
    atMost(
      'a small request beside a gigabyte on another lane',
      'p99 under 3 x its idle p99',
      3,
      over(
        get('beside-bulk', '4 MiB pieces', 'busbar', 'p99'),
        get('beside-bulk', '4 MiB pieces', 'busbar', 'idleP99'),
      ),
    ),
    atMost(
      'idle connections',
      'at most 1.3 x a bare socket each',
      1.3,
      over(
        get('idle', '9,500 connections', 'busbar', 'kilobytes'),
        get('idle', '9,500 connections', 'bare socket', 'kilobytes'),
      ),
    ),
    share(
      'compressed, one-way',
      'at least 300 % of net-ipc with MessagePack and deflate',
      3,
      get('one-way', 'game object', 'busbar deflate', 'perSecond'),
      get('one-way', 'game object', 'net-ipc deflate', 'perSecond'),
    ),
    share(
      'with a net-ipc client',
      'at least 150 % of net-ipc with itself',
      1.5,
      legacy.length === 0 ? undefined : Math.min(...legacy),
      1,
    ),
  ];
}

/** Of the goals whose figures were measured; empty where there is none. */
export function goalTable(results: Results, group: Group): string {
  const lines = ['| goal | wanted | measured | |', '| --- | --- | --- | --- |'];
  for (const { name, wanted, measured, met } of goals(results, group)) {
    if (met !== undefined) lines.push(`| ${name} | ${wanted} | ${measured} | ${met ? 'met' : 'missed'} |`);
  }
  return lines.length === 2 ? '' : lines.join('\n');
}
