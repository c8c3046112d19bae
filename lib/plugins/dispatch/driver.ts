import type { BusError } from '../../base/errors.ts';
import type { Device, Protocol } from './device.ts';
import type { AcceptList } from './accept-list.ts';
import type { SecureContext } from 'node:tls';

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

/** Who hears of the devices on a port: each face of the plugin is an implementation of this. */
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
