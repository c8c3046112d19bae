import type { Clock } from '../../base/clock.ts';
import { codeOf } from '../../base/thrown.ts';
import { BusError } from '../../base/errors.ts';
import type { AcceptList } from './accept-list.ts';
import { DatagramPort } from './datagram-port.ts';
import type { Driver, PortRequest } from './driver.ts';
import { Lease } from './lease.ts';
import { type Log, RateLimitedLog } from './log.ts';
import type { Counters } from './metrics.ts';
import type { Limits, OpenPort, PortContext } from './open-port.ts';
import { StreamPort } from './stream-port.ts';

/** The three maps of the statistics page, each from a port number to a count. Ports that are closed do not appear. */
export interface Statistics {
  /** Drivers that asked for the UDP port. */
  readonly udp_listeners: Readonly<Record<string, number>>;
  /** Drivers that asked for the TCP or TLS port. */
  readonly tcp_listeners: Readonly<Record<string, number>>;
  /** Devices connected to the TCP or TLS port. */
  readonly tcp_clients: Readonly<Record<string, number>>;
}

/** What is open: in `stats().plugins.dispatch` of a server. */
export interface PortCounts {
  readonly tcpPorts: number;
  readonly udpPorts: number;
  /** Shares that drivers hold in ports. */
  readonly leases: number;
  /** Devices connected to TCP and TLS ports. */
  readonly devices: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
}

function statisticsOf(datagrams: Iterable<OpenPort>, streams: Iterable<OpenPort>): Statistics {
  const statistics = { udp_listeners: record(), tcp_listeners: record(), tcp_clients: record() };
  for (const port of datagrams) statistics.udp_listeners[port.number] = port.leases.size;
  for (const port of streams) {
    statistics.tcp_listeners[port.number] = port.leases.size;
    statistics.tcp_clients[port.number] = port.clients;
  }
  return statistics;
}

function record(): Record<string, number> {
  return {};
}

export interface PortsOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly counters: Counters;
  readonly log: Log;
  /** The address ports listen on; `::` serves IPv4 too, and is `0.0.0.0` where the system has no IPv6. */
  readonly host: string;
  readonly proxies: AcceptList | undefined;
}

/** A place in the table; it stays while the port has leases, or drivers wait for it to open. */
interface Entry<Port extends OpenPort> {
  readonly opened: Promise<Port>;
  port: Port | undefined;
  expected: number;
}

type Make<Port extends OpenPort> = (context: PortContext) => Port;

/**
 * The ports that drivers asked for. A port is opened for the first of them, shared by those that follow, and closed with the last one.
 */
export class Ports {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #streams = new Map<number, Entry<StreamPort>>();
  readonly #datagrams = new Map<number, Entry<DatagramPort>>();
  /** Ports that were shut and whose last connections still end. */
  readonly #closing = new Map<OpenPort, Promise<void>>();
  #context: PortContext;
  #closed = false;

  constructor(options: PortsOptions) {
    const { clock, limits, counters, log, host, proxies } = options;
    const seldom = new RateLimitedLog(log, clock);
    this.#clock = clock;
    this.#log = log;
    this.#context = {
      clock,
      limits,
      counters,
      log,
      host,
      proxies,
      logRateLimited: (key, event) => seldom.write(key, event),
      left: (port) => this.#closeIfUnused(port),
    };
  }

  /**
   * Opens the port or shares it. The lease delivers nothing before it is started.
   * @throws BusError `ERR_ADDRESS_IN_USE`, `ERR_LISTEN` (cause: the system's error), `ERR_INVALID_ARGUMENT` for a group
   * that cannot be joined, `ERR_CLOSED`.
   */
  async open(request: PortRequest, driver: Driver): Promise<Lease> {
    if (request.protocol === 'udp') {
      return this.#share(this.#datagrams, request, driver, (context) => new DatagramPort(context));
    }
    return this.#share(this.#streams, request, driver, (context) => new StreamPort(context, request.secureContext));
  }

  statistics(): Statistics {
    return statisticsOf(openPorts(this.#datagrams), openPorts(this.#streams));
  }

  counts(): PortCounts {
    const [udp, tcp] = [[...openPorts(this.#datagrams)], [...openPorts(this.#streams)]];
    const { streamBytesIn, streamBytesOut, datagramBytesIn, datagramBytesOut, datagramsIn, datagramsOut } =
      this.#context.counters;
    return {
      tcpPorts: tcp.length,
      udpPorts: udp.length,
      leases: [...tcp, ...udp].reduce((sum, { leases }) => sum + leases.size, 0),
      devices: tcp.reduce((sum, { clients }) => sum + clients, 0),
      bytesReceived: streamBytesIn.value + datagramBytesIn.value,
      bytesSent: streamBytesOut.value + datagramBytesOut.value,
      datagramsReceived: datagramsIn.value,
      datagramsSent: datagramsOut.value,
    };
  }

  /** Takes requests, again after `close()`. */
  start(): void {
    this.#closed = false;
  }

  /** Ends every lease, and the devices' connections in order if that takes no longer than `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const port of [...openPorts(this.#datagrams), ...openPorts(this.#streams)]) {
      for (const lease of [...port.leases]) lease.end(new BusError('ERR_CLOSED', 'The dispatcher is closing'));
    }
    const timer = this.#clock.setTimer(() => {
      for (const port of this.#closing.keys()) port.destroy();
    }, timeoutMs);
    await Promise.all(this.#closing.values());
    timer.cancel();
  }

  /** A lease of the port for the number asked, which is opened by the first who asks; those who ask meanwhile wait. */
  async #share<Port extends StreamPort | DatagramPort>(
    table: Map<number, Entry<Port>>,
    request: PortRequest,
    driver: Driver,
    make: Make<Port>,
  ): Promise<Lease> {
    this.#refuseIfClosed();
    const entry = (request.port === 0 ? undefined : table.get(request.port)) ?? this.#entry(table, request.port, make);
    entry.expected += 1;
    const port = await entry.opened;
    const lease = new Lease(port, driver, request.accept, () => this.#clock.now());
    try {
      this.#refuseIfClosed();
      if (port.protocol !== request.protocol) {
        throw new BusError(
          'ERR_ADDRESS_IN_USE',
          `Port ${port.number} is open for ${port.protocol}, not for ${request.protocol}`,
        );
      }
      port.leases.add(lease);
      port.admit(lease, request);
      return lease;
    } catch (error) {
      port.leases.delete(lease);
      throw error;
    } finally {
      entry.expected -= 1;
      this.#closeIfUnused(port);
    }
  }

  #entry<Port extends OpenPort>(table: Map<number, Entry<Port>>, number: number, make: Make<Port>): Entry<Port> {
    const opened = this.#listen(number, make).then(
      (port) => {
        entry.port = port;
        table.set(port.number, entry);
        this.#log({ level: 'info', event: 'port_opened', protocol: port.protocol, port: port.number });
        return port;
      },
      (error: NodeJS.ErrnoException) => {
        table.delete(number);
        throw listenError(error, number);
      },
    );
    const entry: Entry<Port> = { opened, port: undefined, expected: 0 };
    if (number !== 0) table.set(number, entry);
    return entry;
  }

  async #listen<Port extends OpenPort>(number: number, make: Make<Port>): Promise<Port> {
    const port = make(this.#context);
    try {
      await port.listen(number);
      return port;
    } catch (error) {
      if (this.#context.host !== '::' || !isLackOfIPv6(error)) throw error;
      this.#context = { ...this.#context, host: '0.0.0.0' };
      return this.#listen(number, make);
    }
  }

  #closeIfUnused(port: OpenPort): void {
    const table: Map<number, Entry<OpenPort>> = port.protocol === 'udp' ? this.#datagrams : this.#streams;
    const entry = table.get(port.number);
    if (entry?.port !== port || entry.expected > 0 || port.leases.size > 0) return;
    table.delete(port.number);
    this.#closing.set(
      port,
      port.shut().then(() => void this.#closing.delete(port)),
    );
    this.#log({ level: 'info', event: 'port_closed', protocol: port.protocol, port: port.number });
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new BusError('ERR_CLOSED', 'The dispatcher is closing');
  }
}

function* openPorts<Port extends OpenPort>(table: ReadonlyMap<number, Entry<Port>>): Generator<Port> {
  for (const { port } of table.values()) if (port !== undefined && port.leases.size > 0) yield port;
}

function isLackOfIPv6(error: unknown): boolean {
  return ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error) ?? '');
}

function listenError(error: NodeJS.ErrnoException, port: number): BusError {
  if (error.code === 'EADDRINUSE') {
    return new BusError('ERR_ADDRESS_IN_USE', `Port ${port} is in use by another program`, { cause: error });
  }
  return new BusError('ERR_LISTEN', `Port ${port} cannot be opened: ${error.message}`, { cause: error });
}
