import type { Clock } from '../../base/clock.ts';
import type { AcceptList } from './accept-list.ts';
import type { Counters } from './counters.ts';
import type { Protocol } from './device.ts';
import type { PortRequest } from './driver.ts';
import type { Lease } from './lease.ts';
import type { Limits } from './limits.ts';
import type { Log, LogEvent } from './log.ts';

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
export interface PortSurroundings {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly counters: Counters;
  readonly log: Log;
  /** The address to listen on; `::` serves IPv4 too. */
  readonly host: string;
  /** Balancers whose connections begin with a PROXY header. */
  readonly proxies: AcceptList | undefined;
  /** At most one line a second for each key, with the number of those left out. */
  logSeldom(key: string, event: LogEvent): void;
  /** A lease was released. */
  left(port: OpenPort): void;
}
