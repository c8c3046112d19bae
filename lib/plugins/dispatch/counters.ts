import type { Counter, Meters } from './meters.ts';
import type { Protocol } from './device.ts';

/** Why a device was turned away, or left before it was one. */
export type Refusal = 'address' | 'limit' | 'proxy' | 'tls';

/** Why a datagram reached nobody, or not everybody. */
export type Drop = 'address' | 'slow_driver';

const prefix = 'busbar_dispatch_';

/** What one dispatcher counts about its devices and their bytes, in both faces. */
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
    this.datagramsUnsent = counter('datagrams_unsent_total', 'Datagrams of drivers that the system did not take.');
    this.devicesTimedOut = counter(
      'devices_timed_out_total',
      'Devices closed because they took nothing that was sent to them.',
    );
    this.devicesWithheld = counter(
      'devices_withheld_total',
      'Devices taken from a driver that took nothing while another driver of the same device waited.',
    );
    this.badMessages = counter('bad_messages_total', 'Driver messages that could not be understood.');
    for (const reason of ['address', 'limit', 'proxy', 'tls'] as const) this.refused(reason);
    for (const reason of ['address', 'slow_driver'] as const) this.dropped(reason);
  }

  devices(protocol: Protocol): Counter {
    return protocol === 'tls' ? this.tlsDevices : this.tcpDevices;
  }

  refused(reason: Refusal): Counter {
    return this.#meters.counter(`${prefix}devices_refused_total`, 'Devices that were turned away.', { reason });
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
