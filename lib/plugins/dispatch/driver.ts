import type { SecureContext } from 'node:tls';
import type { BusError } from '../../base/errors.ts';
import type { AcceptList } from './accept-list.ts';

/** What listens on a port. TLS shares the port numbers of TCP and its statistics. */
export type Protocol = 'tcp' | 'udp' | 'tls';

/** The program at the peer of a port, as drivers know it. */
export interface Device {
  /** TCP and TLS: counted from 0 on each port, never given twice while it is open. UDP: the same as `port`. */
  readonly id: number;
  readonly address: string;
  readonly port: number;
}

/** What a driver asks for. */
export interface PortRequest {
  readonly protocol: Protocol;
  /** 0 picks a free one. */
  readonly port: number;
  readonly accept: AcceptList;
  /** UDP: groups to join, `address` or `address%interface`. */
  readonly multicast?: readonly string[] | undefined;
  /** TLS: key and certificate; those of the first driver on a port serve all. */
  readonly secureContext?: SecureContext | undefined;
}

/** Who learns of the devices on a port: on the bus and over a WebSocket. */
export interface Driver {
  /** Who it is, for the log. */
  readonly name: string;
  opened(device: Device): void;
  /** Takes the bytes, always; false asks for no more until the driver calls `lease.drained()`. */
  received(device: Device, bytes: Uint8Array): boolean;
  closed(device: Device): void;
  /** The lease ended by no act of the driver's; nothing more follows. */
  ended(reason: BusError): void;
}
