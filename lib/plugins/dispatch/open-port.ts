import type { Clock } from '../../base/clock.ts';
import type { AcceptList } from './accept-list.ts';
import type { PortRequest, Protocol } from './driver.ts';
import type { Lease } from './lease.ts';
import type { Log, LogEvent } from './log.ts';
import type { Counters } from './metrics.ts';

/** What one dispatcher holds at most, and how long it waits. */
export interface Limits {
  /** Devices on one port, those still shaking hands included. */
  readonly maxDevices: number;
  /** Unsent bytes to one device at which its drivers wait. */
  readonly maxDeviceBytes: number;
  /** A device that takes nothing of what was sent to it for so long is closed. */
  readonly deviceTimeoutMs: number;
  /** A device that ended its half of the connection is closed once its drivers sent nothing to it for so long. */
  readonly answerTimeoutMs: number;
  /** How long a driver that takes nothing may hold up the other drivers of a device. */
  readonly stallMs: number;
  /** For a TLS handshake, or a PROXY header, to be complete. */
  readonly handshakeTimeoutMs: number;
}

/** A port that listens, as the table of ports knows it. */
export interface OpenPort {
  readonly protocol: Protocol;
  readonly number: number;
  readonly leases: Set<Lease>;
  /** Devices connected now. */
  readonly clients: number;
  /** Rejects with the system's error; the port is of no use then. */
  listen(port: number): Promise<void>;
  /**
   * A lease was made, and delivers nothing before it is started.
   * @throws BusError for a request that cannot be met; the lease is forgotten then.
   */
  admit(lease: Lease, request: PortRequest): void;
  /** Stops listening and closes what is connected, in order. Resolves once all of it is closed. */
  shut(): Promise<void>;
  /** Closes at once what has not closed yet. */
  destroy(): void;
}

/** What a port is given by the table it stands in. */
export interface PortContext {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly counters: Counters;
  readonly log: Log;
  /** The address to listen on; `::` serves IPv4 too. */
  readonly host: string;
  /** Balancers whose connections begin with a PROXY header. */
  readonly proxies: AcceptList | undefined;
  /** At most one line a second for each key, with the number of those left out. */
  logRateLimited(key: string, event: LogEvent): void;
  /** A lease was released. */
  left(port: OpenPort): void;
}
