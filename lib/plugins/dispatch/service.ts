import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { guarded } from '../../base/handling.ts';
import { resolveOptions } from '../../base/options.ts';
import type { Random } from '../../base/random.ts';
import type { PluginHost } from '../../bus/plugin.ts';
import { AcceptList } from './accept-list.ts';
import { Certificates } from './certificates.ts';
import type { Log } from './log.ts';
import { Counters, Meters, readKernelDrops } from './metrics.ts';
import { dispatchOptions, type DispatchOptions, type DispatchSettings } from './options.ts';
import { type PortCounts, Ports, type Statistics } from './ports.ts';
import { TokenAuth } from './token-auth.ts';
import { WebSocketAdapter } from './websocket-adapter.ts';

export interface ServiceContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly environment: NodeJS.ProcessEnv;
  /** TLS options of the bus server, if there is one. */
  readonly tls: object | undefined;
  /** Learns of what callbacks of the user's throw by mistake. */
  readonly report?: PluginHost['report'] | undefined;
}

/** One dispatcher: its ports, its counts and, given a port of its own, its WebSocket adapter. */
export class DispatchService {
  readonly settings: DispatchSettings;
  readonly ports: Ports;
  readonly certificates: Certificates;
  readonly log: Log;
  readonly report: PluginHost['report'];
  readonly #meters = new Meters();
  readonly #adapter: WebSocketAdapter | undefined;
  readonly #auth: TokenAuth | undefined;
  #warned = false;
  #closing: Promise<void> | undefined;

  /** @throws BusError `ERR_INVALID_OPTION`, among them a secret that is missing in production. */
  constructor(options: DispatchOptions, surroundings: ServiceContext) {
    const { clock, random, environment, tls, report = () => undefined } = surroundings;
    this.report = report;
    const settings = resolveOptions('dispatch', dispatchOptions, options);
    this.settings = settings;
    const { log: given } = settings;
    this.log = given === undefined ? () => undefined : (event) => guarded(() => given(event), report);
    this.certificates = new Certificates(settings.tls, tls);
    const counters = new Counters(this.#meters);
    this.ports = new Ports({
      clock,
      counters,
      log: this.log,
      limits: settings,
      host: settings.deviceHost ?? '::',
      proxies: proxiesOf(settings.proxies),
    });
    if (settings.port === undefined) return;
    const auth = TokenAuth.of(settings.secret, environment, random);
    this.#auth = auth;
    const { log, ports, certificates } = this;
    this.#adapter = new WebSocketAdapter({
      settings,
      clock,
      counters,
      log,
      auth,
      certificates,
      ports,
      metrics: () => this.metrics(),
      report,
    });
  }

  /** Port for WebSocket drivers while it listens. */
  get webPort(): number | undefined {
    return this.#adapter?.port;
  }

  /**
   * May be started again after it was closed. Rejects with `ERR_ADDRESS_IN_USE`, `ERR_LISTEN`, and `ERR_INVALID_OPTION` without
   * a secret where others than this machine can come in.
   */
  async start(): Promise<void> {
    this.#closing = undefined;
    this.#auth?.checkHost(this.settings.host);
    this.ports.start();
    await this.#adapter?.start();
    if (this.#auth?.isKnown !== true || this.#warned) return;
    this.#warned = true;
    this.log({ level: 'warn', event: 'default_secret', error: 'everyone may know it; set PLACE_SERVER_SECRET' });
  }

  /** Closes WebSockets, devices and ports, in order if that takes no longer than `closeTimeoutMs`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  statistics(): Statistics {
    return this.ports.statistics();
  }

  counts(): PortCounts {
    return this.ports.counts();
  }

  /** Prometheus text. */
  async metrics(): Promise<string> {
    const statistics = this.ports.statistics();
    const total = (counts: Readonly<Record<string, number>>): number =>
      Object.values(counts).reduce((sum, count) => sum + count, 0);
    const gauge = (name: string, help: string, value: number): void =>
      this.#meters.gauge(`busbar_dispatch_${name}`, help, value);
    gauge('drivers', 'WebSocket drivers connected.', this.#adapter?.drivers ?? 0);
    gauge('tcp_ports', 'TCP and TLS ports open.', Object.keys(statistics.tcp_listeners).length);
    gauge('udp_ports', 'UDP ports open.', Object.keys(statistics.udp_listeners).length);
    gauge('tcp_listeners', 'Drivers of TCP and TLS ports.', total(statistics.tcp_listeners));
    gauge('udp_listeners', 'Drivers of UDP ports.', total(statistics.udp_listeners));
    gauge('tcp_clients', 'Devices connected.', total(statistics.tcp_clients));
    const dropped = await readKernelDrops(
      (path) => readFile(path, 'utf8'),
      Object.keys(statistics.udp_listeners).map(Number),
    );
    if (dropped !== undefined) {
      gauge(
        'udp_receive_buffer_drops',
        'Datagrams the system dropped at the open UDP ports, because this process was too slow.',
        dropped,
      );
    }
    return this.#meters.toString();
  }

  async #close(): Promise<void> {
    const { closeTimeoutMs } = this.settings;
    await Promise.all([this.#adapter?.close(closeTimeoutMs), this.ports.close(closeTimeoutMs)]);
    this.log({ level: 'info', event: 'closed' });
  }
}

function proxiesOf(given: unknown): AcceptList | undefined {
  if (given === undefined) return undefined;
  try {
    return AcceptList.parse(given);
  } catch (error) {
    throw new BusError(
      'ERR_INVALID_OPTION',
      `dispatch option "proxies": ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
