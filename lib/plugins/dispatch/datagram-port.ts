import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { BusError } from '../../base/errors.ts';
import { isPort, unmapped } from '../../base/ip.ts';
import type { Device, PortRequest, Protocol } from './driver.ts';
import type { Lease, LeasedPort } from './lease.ts';
import type { OpenPort, PortContext } from './open-port.ts';

/** The largest payload of a UDP datagram over IPv4. */
const largestDatagram = 65_507;
/** Most bytes that `send` keeps for the system; further datagrams are dropped. */
const mostUnsentBytes = 4 * 1_048_576;
/** Asked of the system, which gives what it may; bursts wait there. */
const receiveBufferBytes = 4 * 1_048_576;

/** A UDP port. There are no connections: every datagram stands alone. */
export class DatagramPort implements OpenPort, LeasedPort {
  readonly protocol: Protocol = 'udp';
  readonly leases = new Set<Lease>();
  readonly clients = 0;
  readonly #context: PortContext;
  readonly #socket: Socket;
  readonly #dualStack: boolean;
  readonly #groups = new Map<string, number>();
  readonly #memberships = new Map<Lease, readonly string[]>();
  #number = 0;
  #open = false;

  constructor(context: PortContext) {
    this.#context = context;
    this.#dualStack = isIPv6(context.host);
    // Every address is a literal: the system's resolver has nothing to do.
    this.#socket = createSocket({
      type: this.#dualStack ? 'udp6' : 'udp4',
      lookup: (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4),
    });
    this.#socket.on('message', (bytes, remote) => this.#onMessage(bytes, remote));
  }

  get number(): number {
    return this.#number;
  }

  /** Rejects with the system's error. */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => {
        this.#socket.close();
        reject(error);
      };
      this.#socket.once('error', onError);
      this.#socket.bind({ port, address: this.#context.host, exclusive: true }, () => {
        this.#socket.off('error', onError);
        this.#socket.on('error', (error) =>
          this.#context.log({ level: 'warn', event: 'port_failed', ...this.#where(), error: error.message }),
        );
        this.#number = this.#socket.address().port;
        this.#open = true;
        this.#socket.setBroadcast(true);
        this.#widenBuffer();
        resolve();
      });
    });
  }

  #widenBuffer(): void {
    try {
      this.#socket.setRecvBufferSize(receiveBufferBytes);
    } catch {
      // Some systems refuse what is over their limit instead of giving less; their default serves too.
    }
  }

  start(_lease: Lease): void {
    // Datagrams of the past are gone; those to come find the lease ready.
  }

  /**
   * Joins the groups, given as `address` or `address%interface`, once each, until the lease is released.
   * @throws BusError `ERR_INVALID_ARGUMENT` naming the group that cannot be joined; then none is.
   */
  admit(lease: Lease, request: PortRequest): void {
    const joined: string[] = [];
    this.#memberships.set(lease, joined);
    try {
      for (const group of new Set(request.multicast)) {
        const members = this.#groups.get(group) ?? 0;
        if (members === 0) this.#membership(group, 'addMembership');
        this.#groups.set(group, members + 1);
        joined.push(group);
      }
    } catch (error) {
      this.#leaveGroups(lease);
      throw error;
    }
  }

  write(device: Device, bytes: Uint8Array): Promise<void> {
    if (bytes.length > largestDatagram) {
      throw new BusError('ERR_TOO_LARGE', `A datagram can have at most ${largestDatagram} bytes, not ${bytes.length}`);
    }
    if (device.port === 0 || !isPort(device.port)) {
      throw new BusError('ERR_INVALID_ARGUMENT', `${device.port} is not a UDP port`);
    }
    if (this.#socket.getSendQueueSize() > mostUnsentBytes) throw this.#unsent(new BusError('ERR_QUEUE_FULL'));
    const address = this.#dualStack ? dualStackAddress(device.address) : device.address;
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, device.port, address, (error) => {
        if (error !== null) {
          reject(this.#unsent(new BusError('ERR_CONNECT', error.message, { cause: error })));
          return;
        }
        this.#context.counters.datagramsOut.value += 1;
        this.#context.counters.datagramBytesOut.value += bytes.length;
        resolve();
      });
    });
  }

  close(_device: Device): void {
    // There is no connection to close.
  }

  leave(lease: Lease): void {
    this.leases.delete(lease);
    this.#leaveGroups(lease);
    this.#context.left(this);
  }

  shut(): Promise<void> {
    this.#open = false;
    return new Promise((resolve) => this.#socket.close(resolve));
  }

  destroy(): void {
    // A datagram socket closes at once anyway.
  }

  #leaveGroups(lease: Lease): void {
    for (const group of this.#memberships.get(lease) ?? []) {
      const others = (this.#groups.get(group) ?? 1) - 1;
      if (others > 0) {
        this.#groups.set(group, others);
      } else {
        this.#groups.delete(group);
        if (this.#open) this.#membership(group, 'dropMembership');
      }
    }
    this.#memberships.delete(lease);
  }

  #onMessage(bytes: Buffer, remote: RemoteInfo): void {
    const { counters } = this.#context;
    const address = this.#dualStack ? unmapped(remote.address) : remote.address;
    const device: Device = { id: remote.port, address, port: remote.port };
    counters.datagramsIn.value += 1;
    counters.datagramBytesIn.value += bytes.length;
    let wanted = false;
    for (const lease of this.leases) {
      if (!lease.accept.matches(address)) continue;
      wanted = true;
      if (lease.ready) lease.deliver(device, bytes);
      else this.#drop(device, 'slow_driver', lease.driver.name);
    }
    if (!wanted) this.#drop(device, 'address');
  }

  #drop(device: Device, reason: 'address' | 'slow_driver', driver?: string): void {
    this.#context.counters.dropped(reason).value += 1;
    this.#context.logRateLimited(`udp ${this.#number} ${reason} ${driver ?? ''}`, {
      level: 'warn',
      event: 'datagram_dropped',
      ...this.#where(),
      reason,
      address: device.address,
      remotePort: device.port,
      ...(driver === undefined ? {} : { driver }),
    });
  }

  #unsent(error: BusError): BusError {
    this.#context.counters.datagramsUnsent.value += 1;
    return error;
  }

  #membership(group: string, change: 'addMembership' | 'dropMembership'): void {
    const [address = '', device] = group.split('%');
    const via = device === undefined || !isIPv6(address) ? device : `::%${device}`;
    try {
      this.#socket[change](address, via);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new BusError('ERR_INVALID_ARGUMENT', `multicast: ${group} cannot be joined (${reason})`, { cause: error });
    }
  }

  #where(): { protocol: Protocol; port: number } {
    return { protocol: this.protocol, port: this.#number };
  }
}

/** An address as a socket that serves both families takes it. */
function dualStackAddress(address: string): string {
  return address.includes(':') ? address : `::ffff:${address}`;
}
