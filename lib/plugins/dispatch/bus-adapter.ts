import type { Clock } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import { permits, refusalError } from '../../base/permission.ts';
import type { Lane, LaneRequestContext, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { AcceptList } from './accept-list.ts';
import { BusDriver } from './bus-driver.ts';
import { decodeData, type OpenRequest, readCredit, readLeaseRequest } from './bus-messages.ts';
import type { PortRequest } from './driver.ts';
import type { PortWish } from './options.ts';
import type { DispatchService } from './service.ts';

/** Serves the drivers among the bus server's peers. Their leases live as long as their sessions, whatever the links do. */
export class BusAdapter {
  readonly #service: DispatchService;
  readonly #clock: Clock;
  readonly #lane: Lane;
  readonly #drivers = new Map<PeerHandle, Map<number, BusDriver>>();

  constructor(host: PluginHost, service: DispatchService) {
    this.#service = service;
    this.#clock = host.clock;
    this.#lane = host.lane({
      message: (data, peer) => {
        const { lease, bytes } = readCredit(data);
        this.#drivers.get(peer)?.get(lease)?.grant(bytes);
      },
      request: (data, context) => this.#onRequest(data, context),
    });
    host.onDisconnect((peer) => this.#forget(peer));
  }

  #onRequest(data: unknown, context: LaneRequestContext): unknown {
    if (data instanceof Uint8Array) {
      const { lease, address, id, data: bytes } = decodeData(data, 'client');
      return this.#driver(context.peer, lease).write({ id, address, port: id }, bytes);
    }
    const request = readLeaseRequest(data);
    switch (request.op) {
      case 'open':
        return this.#open(request, context);
      case 'close':
        return this.#driver(context.peer, request.lease).lease?.close(request.device);
      case 'release':
        return this.#release(context.peer, request.lease);
    }
  }

  async #open(request: OpenRequest, { peer, signal }: LaneRequestContext): Promise<number> {
    const { protocol, port, lease: number } = request;
    const { maxPortsPerPeer } = this.#service.settings;
    const wish = this.#wish(request);
    const drivers = this.#drivers.get(peer) ?? new Map<number, BusDriver>();
    if (drivers.has(number)) throw new BusError('ERR_STATE', `Lease ${number} is in use`);
    if (drivers.size >= maxPortsPerPeer)
      throw new BusError('ERR_REFUSED', `A driver can hold at most ${maxPortsPerPeer} ports`);
    // Its place is taken while others are asked, so that nobody gets past the limit meanwhile.
    const driver: BusDriver = new BusDriver(this.#lane, peer, number, () => this.#drop(peer, number, driver));
    drivers.set(number, driver);
    this.#drivers.set(peer, drivers);
    try {
      if (!(await this.#allows(peer, { protocol, port, accept: wish.accept.entries }))) {
        throw new BusError('ERR_UNAUTHORIZED', `Port ${port} is not allowed`);
      }
      const lease = await this.#service.ports.open(wish, driver);
      if (signal.aborted || this.#drivers.get(peer)?.get(number) !== driver) {
        lease.release();
        throw new BusError('ERR_ABORTED', 'The driver cancelled the request');
      }
      driver.lease = lease;
      return lease.port;
    } catch (error) {
      this.#drop(peer, number, driver);
      throw asBusError(error, 'ERR_UNAUTHORIZED');
    }
  }

  /** Without `allow` everybody may but web pages, which any site can make. */
  #allows(peer: PeerHandle, wish: PortWish): boolean | Promise<boolean> {
    const { allow, handshakeTimeoutMs } = this.#service.settings;
    if (allow === undefined) return peer.linkKind !== 'websocket';
    return permits(() => allow(peer, wish), this.#clock, handshakeTimeoutMs).catch((error: unknown) => {
      throw error instanceof BusError ? error : refusalError(error, (bug) => this.#service.report(bug, peer));
    });
  }

  #wish({ protocol, port, accept, multicast, key, cert }: OpenRequest): PortRequest {
    const { certificates } = this.#service;
    const list = new AcceptList(accept);
    if (protocol !== 'tls') return { protocol, port, accept: list, multicast: multicast ?? undefined };
    const secureContext = typeof key === 'string' ? certificates.own(key, cert ?? undefined) : certificates.shared();
    return { protocol, port, accept: list, secureContext };
  }

  #driver(peer: PeerHandle, number: number): BusDriver {
    const driver = this.#drivers.get(peer)?.get(number);
    if (driver === undefined) throw new BusError('ERR_CLOSED', 'The port was released');
    return driver;
  }

  #release(peer: PeerHandle, number: number): void {
    const driver = this.#drivers.get(peer)?.get(number);
    if (driver === undefined) return;
    driver.lease?.release();
    this.#drop(peer, number, driver);
  }

  #drop(peer: PeerHandle, number: number, driver: BusDriver): void {
    const drivers = this.#drivers.get(peer);
    if (drivers?.get(number) !== driver) return;
    drivers.delete(number);
    if (drivers.size === 0) this.#drivers.delete(peer);
  }

  #forget(peer: PeerHandle): void {
    const drivers = this.#drivers.get(peer);
    this.#drivers.delete(peer);
    for (const { lease } of drivers?.values() ?? []) lease?.release();
  }
}
