import type { PluginHost } from '../../bus/plugin.ts';
import { allSeries, type Connections, type Counted, type Sample, type Series } from './series.ts';
import { installed } from './packages.ts';

/** A `Registry` of `prom-client`, as far as it is used. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
}

export function isRegistry(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'registerMetric' in value &&
    typeof value.registerMetric === 'function'
  );
}

/** The default registry of `prom-client`. @throws BusError `ERR_PLUGIN`. */
export function defaultRegistry(): MetricsRegistry {
  return installed<{ readonly register: MetricsRegistry }>('prom-client').register;
}

type Host = Pick<PluginHost, 'stats' | 'peers'>;

const collectors = new WeakMap<MetricsRegistry, Collector>();

/** The one collector of a registry, whatever number of clients and servers add to it. */
export function metricsIn(registry: MetricsRegistry): Collector {
  const known = collectors.get(registry);
  if (known !== undefined) return known;
  const collector = new Collector(registry);
  collectors.set(registry, collector);
  return collector;
}

/** What is collected of one client or server. */
interface Reading {
  readonly bus: string;
  readonly counted: Counted;
  readonly connections: Connections;
}

/** The values of one metric, by their labels. */
type Values = Map<string, Sample>;

/** Asks `stats()` of all clients and servers when the registry is asked, and at no other time. */
class Collector {
  readonly #hosts = new Map<Host, string>();
  /** What was counted of those that were disposed, so that no counter goes back. */
  readonly #gone = new Map<Series, Values>();
  /** For all metrics that are asked for in one turn. */
  #readings: readonly Reading[] | undefined;

  constructor(registry: MetricsRegistry) {
    for (const series of allSeries) registry.registerMetric(this.#metric(series) as never);
  }

  /** Collects from `host` too, under the label `bus`; returns how to stop that. */
  add(bus: string, host: Host): () => void {
    this.#hosts.set(host, bus);
    return () => {
      const last = this.#read(host, bus);
      this.#hosts.delete(host);
      this.#readings = undefined;
      for (const series of allSeries) {
        if (series.type === 'gauge') continue;
        const values = this.#gone.get(series) ?? new Map<string, Sample>();
        this.#gone.set(series, values);
        addTo(values, series, last);
      }
    };
  }

  /** As `prom-client` wants a metric. */
  #metric(series: Series): object {
    const { name, help, type } = series;
    const get = (): Promise<object> =>
      Promise.resolve({ name, help, type, aggregator: 'sum', values: this.#values(series) });
    return { name, help, type, aggregator: 'sum', get, reset() {} };
  }

  #values(series: Series): object[] {
    const values: Values = new Map(this.#gone.get(series));
    for (const reading of this.#all()) addTo(values, series, reading);
    return Array.from(values.values(), ({ labels, value, suffix }) => ({
      labels,
      value,
      ...(suffix && { metricName: `${series.name}${suffix}` }),
    }));
  }

  #all(): readonly Reading[] {
    if (this.#readings !== undefined) return this.#readings;
    const present = Array.from(this.#hosts, ([host, bus]) => this.#read(host, bus));
    this.#readings = present;
    queueMicrotask(() => (this.#readings = undefined));
    return present;
  }

  #read(host: Host, bus: string): Reading {
    let attached = 0;
    let detached = 0;
    for (const { remoteAddress } of host.peers) {
      if (remoteAddress === undefined) detached += 1;
      else attached += 1;
    }
    return { bus, counted: host.stats(), connections: { attached, detached } };
  }
}

function addTo(values: Values, series: Series, { bus, counted, connections }: Reading): void {
  for (const { labels, value, suffix } of series.values(counted, connections)) {
    const key = JSON.stringify([bus, suffix, labels]);
    const before = values.get(key)?.value ?? 0;
    values.set(key, { labels: { bus, ...labels }, value: before + value, ...(suffix && { suffix }) });
  }
}
