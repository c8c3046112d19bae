import type { Results } from '../results.ts';
import type { Group } from '../scenarios/scenario.ts';
import { atMost, type Goal, over, share } from './goal.ts';
import { medianOf } from './numbers.ts';
import { pluginGoals } from './plugin-goals.ts';

/** Whoever is no peer to be beaten: ourselves, mixed pairs, the limit, and threads of one process. */
const noPeers = ['busbar', 'bare socket', 'net-ipc with busbar', 'MessageChannel'];
const bare = 'bare socket';

export function isPeer(name: string): boolean {
  return !noPeers.some((start) => name.startsWith(start));
}

export function goals(results: Results, group: Group = 'bus'): readonly Goal[] {
  return group === 'bus' ? new BusGoals(results).all() : pluginGoals(results, group);
}

type Better = 'higher' | 'lower';
/** A figure: scenario, variant and metric. */
type Figure = readonly [scenario: string, variant: string, metric: string];

class BusGoals {
  readonly #results: Results;

  constructor(results: Results) {
    this.#results = results;
  }

  all(): readonly Goal[] {
    const pipelined = ['pipelined', '256 in flight', 'perSecond'] as const;
    const oneWay = ['one-way', 'game object', 'perSecond'] as const;
    const toFifty = ['broadcast', 'to 50', 'perSecond'] as const;
    const binary = ['binary', '4m-binary', 'megabytes'] as const;
    const besideUs = this.#of('busbar', ['beside-bulk', '4 MiB pieces', 'p99']);
    const rates = [1, 10, 25, 50].map((rate) => ['open-loop', `${rate} k/s`, 'p99'] as const);
    return [
      this.#windows('cold requests, 256 in flight, each window to 30,000', 'cold-pipelined'),
      this.#times('cold requests, 256 in flight, the first 30,000', 1.5, ['cold-pipelined', 'game object', 'first30k']),
      this.#windows('cold requests, one at a time, each window to 30,000', 'cold-sequential'),
      this.#notOver('loading, time', 'no longer than net-ipc', 1, ['start-up', 'require', 'ms'], 'net-ipc JSON'),
      this.#notOver('loading, memory', '1.2 x net-ipc', 1.2, ['start-up', 'require', 'megabytes'], 'net-ipc JSON'),
      this.#times('pipelined requests, 256 in flight', 2, pipelined),
      this.#ofBare('pipelined requests, 256 in flight', 60, pipelined),
      this.#times('one-way', 4, oneWay),
      this.#ofBare('one-way', 50, oneWay),
      this.#times('broadcast to 50', 2, toFifty),
      this.#ofBare('broadcast to 50', 70, toFifty),
      share(
        'broadcast to 500',
        'at least 95 % of the deliveries to 50',
        0.95,
        this.#of('busbar', ['broadcast', 'to 500', 'perSecond']),
        this.#of('busbar', toFifty),
      ),
      this.#times('survey of 50', 1.2, ['survey', 'of 50', 'perSecond']),
      this.#noSlower('sequential request, median', [['sequential', 'one request', 'p50']]),
      this.#noSlower('sequential request, p99', [['sequential', 'one request', 'p99']]),
      this.#ofBare('4 MiB binary', 120, binary),
      share(
        '4 MiB binary',
        'ahead of process.send advanced',
        1,
        this.#of('busbar', binary),
        this.#of('process.send advanced', binary),
      ),
      atMost(
        '4 MiB binary, peak memory',
        'at most two payloads',
        2,
        this.#of('busbar', ['binary', '4m-binary', 'peak']),
        'payloads',
      ),
      besideUs === undefined || besideUs <= 300
        ? atMost('a small request beside a gigabyte on another lane, p99', 'at most 300 us', 300, besideUs, 'us')
        : atMost(
            'a small request beside a gigabyte on another lane, p99',
            'at most 8 x idle, or 300 us',
            8,
            over(besideUs, this.#of('busbar', ['beside-bulk', '4 MiB pieces', 'idleP99'])),
          ),
      share(
        '1,000 clients against 10',
        'at least 75 % of the throughput',
        0.75,
        this.#of('busbar', ['many-clients', '1000 clients', 'perSecond']),
        this.#of('busbar', ['many-clients', '10 clients', 'perSecond']),
      ),
      atMost(
        'idle connections, memory',
        'at most 6 KiB each',
        6,
        this.#of('busbar', ['idle', '9,500 connections', 'kilobytes']),
        'KiB',
      ),
      atMost(
        'idle connections, CPU',
        'at most 0.5 % of a core',
        0.5,
        this.#of('busbar', ['idle', '9,500 connections', 'cpu']),
        '%',
      ),
      atMost(
        'resume, from the cut to the next answer',
        'at most 5 ms',
        5,
        this.#of('busbar', ['resume', 'one cut', 'ms']),
        'ms',
      ),
      this.#noSlower('open loop, 1 to 50 k/s, p99', rates),
      share(
        'compressed, one-way',
        'at least 300 % of net-ipc with MessagePack and deflate',
        3,
        this.#of('busbar deflate', oneWay),
        this.#of('net-ipc deflate', oneWay),
      ),
      this.#withNetIpc([pipelined, oneWay, toFifty]),
    ];
  }

  #of(peer: string, [scenario, variant, metric]: Figure): number | undefined {
    return medianOf(this.#results.scenarios[scenario], variant, peer, metric);
  }

  #best(figure: Figure, better: Better): { readonly peer: string; readonly value: number } | undefined {
    const [scenario, variant] = figure;
    const found = Object.keys(this.#results.scenarios[scenario]?.variants[variant] ?? {})
      .filter(isPeer)
      .map((peer) => ({ peer, value: this.#of(peer, figure) }))
      .filter((one): one is { peer: string; value: number } => one.value !== undefined);
    return found.sort((a, b) => (better === 'higher' ? b.value - a.value : a.value - b.value))[0];
  }

  #times(name: string, atLeast: number, figure: Figure): Goal {
    const ours = this.#of('busbar', figure);
    const best = this.#best(figure, 'higher');
    const wanted = `at least ${atLeast} x the fastest peer`;
    if (ours === undefined || best === undefined) return { name, wanted, measured: '', met: undefined };
    const factor = ours / best.value;
    return { name, wanted, measured: `${factor.toFixed(2)} x ${best.peer}`, met: factor >= atLeast };
  }

  #ofBare(name: string, percent: number, figure: Figure): Goal {
    const wanted = `at least ${percent} % of the bare socket`;
    return share(name, wanted, percent / 100, this.#of('busbar', figure), this.#of(bare, figure));
  }

  #notOver(name: string, wanted: string, factor: number, figure: Figure, peer: string): Goal {
    return atMost(name, wanted, factor, over(this.#of('busbar', figure), this.#of(peer, figure)));
  }

  /** The worst of several figures, each against the fastest peer in it. */
  #noSlower(name: string, figures: readonly Figure[]): Goal {
    const factors = figures
      .map((figure) => over(this.#of('busbar', figure), this.#best(figure, 'lower')?.value))
      .filter((factor) => factor !== undefined);
    const worst = factors.length === figures.length ? Math.max(...factors) : undefined;
    return atMost(name, 'no slower than the fastest peer', 1, worst);
  }

  #windows(name: string, scenario: string): Goal {
    const windows = ['to1k', 'to3k', 'to10k', 'to30k'].map((metric) => [scenario, 'game object', metric] as const);
    const factors = windows
      .map((figure) => over(this.#of('busbar', figure), this.#best(figure, 'higher')?.value))
      .filter((factor) => factor !== undefined);
    const wanted = 'at least 1 x the fastest peer';
    if (factors.length < windows.length) return { name, wanted, measured: '', met: undefined };
    const measured = `${factors.map((factor) => factor.toFixed(2)).join(', ')} x`;
    return { name, wanted, measured, met: Math.min(...factors) >= 1 };
  }

  /** The worst of several figures of busbar with a client of net-ipc, against net-ipc with itself. */
  #withNetIpc(figures: readonly Figure[]): Goal {
    const factors = figures
      .map((figure) => over(this.#of('busbar with net-ipc client', figure), this.#of('net-ipc MessagePack', figure)))
      .filter((factor) => factor !== undefined);
    const worst = factors.length === 0 ? undefined : Math.min(...factors);
    return share('with a net-ipc client', 'at least 150 % of net-ipc with itself', 1.5, worst, 1);
  }
}

/** Of the goals whose figures were measured; empty where there is none. */
export function goalTable(results: Results, group: Group): string {
  const lines = ['| goal | wanted | measured | |', '| --- | --- | --- | --- |'];
  for (const { name, wanted, measured, met } of goals(results, group)) {
    if (met !== undefined) lines.push(`| ${name} | ${wanted} | ${measured} | ${met ? 'met' : 'missed'} |`);
  }
  return lines.length === 2 ? '' : lines.join('\n');
}
