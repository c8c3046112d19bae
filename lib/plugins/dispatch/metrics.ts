import type { Protocol } from './driver.ts';

/** A number that only grows. */
export interface Counter {
  value: number;
}

interface Family {
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly samples: Map<string, Counter>;
}

/** Counts of one dispatcher, written out as Prometheus text. Holders keep the counter, so counting costs an addition. */
export class Meters {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string, labels: Readonly<Record<string, string>> = {}): Counter {
    return this.#sample(name, help, 'counter', labels);
  }

  gauge(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.#sample(name, help, 'gauge', labels).value = value;
  }

  /** Text exposition format 0.0.4. */
  toString(): string {
    const lines: string[] = [];
    for (const [name, { help, kind, samples }] of this.#families) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
      for (const [labels, sample] of samples) lines.push(`${name}${labels} ${sample.value}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #sample(name: string, help: string, kind: Family['kind'], labels: Readonly<Record<string, string>>): Counter {
    let family = this.#families.get(name);
    if (family === undefined) this.#families.set(name, (family = { help, kind, samples: new Map() }));
    const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
    const key = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
    let sample = family.samples.get(key);
    if (sample === undefined) family.samples.set(key, (sample = { value: 0 }));
    return sample;
  }
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Why a device was turned away, or left before it was one. */
export type RefusalReason = 'address' | 'limit' | 'proxy' | 'tls';

/** Why a datagram reached nobody, or not everybody. */
export type Drop = 'address' | 'slow_driver';

const prefix = 'busbar_dispatch_';

/** What one dispatcher counts about its devices and their bytes, for drivers of both kinds. */
export class Counters {
  readonly tcpDevices: Counter;
  readonly tlsDevices: Counter;
  readonly streamBytesIn: Counter;
  readonly streamBytesOut: Counter;
  readonly datagramsIn: Counter;
  readonly datagramsOut: Counter;
  readonly datagramBytesIn: Counter;
  readonly datagramBytesOut: Counter;
  readonly datagramsUnsent: Counter;
  readonly devicesTimedOut: Counter;
  readonly devicesWithheld: Counter;
  readonly badMessages: Counter;
  readonly #meters: Meters;

  constructor(meters: Meters) {
    this.#meters = meters;
    const counter = (name: string, help: string, labels?: Record<string, string>): Counter =>
      meters.counter(prefix + name, help, labels);
    this.tcpDevices = counter('devices_total', 'Devices announced to drivers.', { protocol: 'tcp' });
    this.tlsDevices = counter('devices_total', 'Devices announced to drivers.', { protocol: 'tls' });
    this.streamBytesIn = counter('received_bytes_total', 'Bytes that devices sent.', { transport: 'tcp' });
    this.datagramBytesIn = counter('received_bytes_total', 'Bytes that devices sent.', { transport: 'udp' });
    this.streamBytesOut = counter('sent_bytes_total', 'Bytes that drivers sent to devices.', { transport: 'tcp' });
    this.datagramBytesOut = counter('sent_bytes_total', 'Bytes that drivers sent to devices.', { transport: 'udp' });
    this.datagramsIn = counter('datagrams_received_total', 'Datagrams that devices sent.');
    this.datagramsOut = counter('datagrams_sent_total', 'Datagrams that drivers sent.');
    this.datagramsUnsent = counter('datagrams_unsent_total', 'Datagrams of drivers that the system did not send.');
    this.devicesTimedOut = counter(
      'devices_timed_out_total',
      'Devices closed because they read nothing that was sent to them.',
    );
    this.devicesWithheld = counter(
      'devices_withheld_total',
      'Devices removed from a driver that read nothing while another driver of the same device waited.',
    );
    this.badMessages = counter('bad_messages_total', 'Invalid messages of drivers.');
    for (const reason of ['address', 'limit', 'proxy', 'tls'] as const) this.refused(reason);
    for (const reason of ['address', 'slow_driver'] as const) this.dropped(reason);
  }

  devices(protocol: Protocol): Counter {
    return protocol === 'tls' ? this.tlsDevices : this.tcpDevices;
  }

  refused(reason: RefusalReason): Counter {
    return this.#meters.counter(`${prefix}devices_refused_total`, 'Devices that were refused.', { reason });
  }

  dropped(reason: Drop): Counter {
    return this.#meters.counter(`${prefix}datagrams_dropped_total`, 'Datagrams that a driver, or nobody, was given.', {
      reason,
    });
  }

  requestRefused(status: number): Counter {
    return this.#meters.counter(`${prefix}requests_refused_total`, 'HTTP requests refused, upgrades among them.', {
      status: String(status),
    });
  }
}

/**
 * How many datagrams the system dropped at these UDP ports since they were opened, as Linux tells it; undefined elsewhere.
 */
export async function readKernelDrops(
  readText: (path: string) => Promise<string>,
  ports: readonly number[],
): Promise<number | undefined> {
  try {
    const tables = await Promise.all([readText('/proc/net/udp'), readText('/proc/net/udp6')]);
    return tables.reduce((sum, table) => sum + sumDrops(table, new Set(ports)), 0);
  } catch {
    return undefined;
  }
}

/** Sums the last column of the rows whose local port is one of `ports`. */
export function sumDrops(table: string, ports: ReadonlySet<number>): number {
  let sum = 0;
  for (const row of table.split('\n').slice(1)) {
    const columns = row.trim().split(/\s+/);
    const port = Number.parseInt(columns[1]?.split(':')[1] ?? '', 16);
    const drops = Number(columns.at(-1));
    if (ports.has(port) && Number.isInteger(drops)) sum += drops;
  }
  return sum;
}
