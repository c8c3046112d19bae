import type { OpenPort } from './open-port.ts';

/** The three maps of the statistics page, each from a port number to a count. Ports that are closed do not appear. */
export interface Statistics {
  /** Drivers that asked for the UDP port. */
  readonly udp_listeners: Readonly<Record<string, number>>;
  /** Drivers that asked for the TCP or TLS port. */
  readonly tcp_listeners: Readonly<Record<string, number>>;
  /** Devices connected to the TCP or TLS port. */
  readonly tcp_clients: Readonly<Record<string, number>>;
}

export function statisticsOf(datagrams: Iterable<OpenPort>, streams: Iterable<OpenPort>): Statistics {
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
