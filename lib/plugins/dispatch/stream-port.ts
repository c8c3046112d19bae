import { createServer, type Server, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { canonicalAddress, unmapped } from '../../base/ip.ts';
import type { AcceptList } from './accept-list.ts';
import { secureSocket, takeProxyHeader } from './device-handshake.ts';
import { deviceGone } from './device-outbox.ts';
import type { Device, PortRequest, Protocol } from './driver.ts';
import type { Lease, LeasedPort } from './lease.ts';
import type { RefusalReason } from './metrics.ts';
import type { OpenPort, PortContext } from './open-port.ts';
import type { ProxySource } from './proxy-header.ts';
import { type DeviceHost, StreamDevice } from './stream-device.ts';

/** A TCP port, plain or with TLS, and the devices connected to it. */
export class StreamPort implements OpenPort, LeasedPort {
  readonly protocol: Protocol;
  readonly leases = new Set<Lease>();
  readonly #context: PortContext;
  readonly #secureContext: SecureContext | undefined;
  readonly #server: Server;
  readonly #devices = new Map<number, StreamDevice>();
  /** Those that ended their half of the connection, the oldest first, while their drivers may still answer. */
  readonly #answerable = new Map<number, StreamDevice>();
  /** Every socket of this port, those that shake hands or linger included. */
  readonly #sockets = new Set<Socket>();
  readonly #preparing = new Set<Socket>();
  readonly #host: DeviceHost;
  #nextId = 0;
  #number = 0;

  constructor(context: PortContext, secureContext: SecureContext | undefined) {
    this.protocol = secureContext === undefined ? 'tcp' : 'tls';
    this.#context = context;
    this.#secureContext = secureContext;
    const { clock, limits, counters } = context;
    this.#host = {
      clock,
      limits,
      counters,
      gone: (device, reason) => this.#onGone(device, reason),
      over: ({ id }) => this.#answerable.delete(id),
    };
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 },
      (socket) => this.#onConnection(socket),
    );
  }

  get number(): number {
    return this.#number;
  }

  get clients(): number {
    return this.#devices.size;
  }

  /** Rejects with the system's error. */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host: this.#context.host, backlog: 4_096, exclusive: true }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) =>
          this.#context.log({ level: 'warn', event: 'port_failed', ...this.#where(), error: error.message }),
        );
        const address = this.#server.address();
        if (typeof address === 'object' && address !== null) this.#number = address.port;
        resolve();
      });
    });
  }

  admit(_lease: Lease, _request: PortRequest): void {
    // Any lease may share a stream port; the first one's certificate serves all.
  }

  start(lease: Lease): void {
    for (const device of this.#devices.values()) if (lease.accept.matches(device.address)) device.join(lease);
  }

  write(device: Device, bytes: Uint8Array): Promise<void> | undefined {
    return this.#find(device).write(bytes);
  }

  close(device: Device): void {
    const found = this.#lookUp(device);
    found?.close();
  }

  leave(lease: Lease): void {
    this.leases.delete(lease);
    for (const device of this.#devices.values()) {
      device.leave(lease);
      if (device.drivers === 0 && !this.#isAwaited(device.address)) device.close();
    }
    for (const device of this.#answerable.values()) if (!this.#isWanted(device.address)) device.close();
    this.#context.left(this);
  }

  /** Connections that were to become devices end at once; devices are told all that was written to them. */
  shut(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#preparing) socket.destroy();
    for (const device of [...this.#devices.values(), ...this.#answerable.values()]) device.close();
    return closed;
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #find(device: Device): StreamDevice {
    const found = this.#lookUp(device);
    if (found === undefined) throw deviceGone();
    return found;
  }

  #lookUp({ id, address }: Device): StreamDevice | undefined {
    const found = this.#devices.get(id) ?? this.#answerable.get(id);
    return found?.address === address ? found : undefined;
  }

  #onConnection(socket: Socket): void {
    const address = unmapped(socket.remoteAddress ?? '');
    const port = socket.remotePort ?? 0;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    if (address === '') {
      socket.on('error', () => undefined).destroy();
    } else if (this.#sockets.size > this.#context.limits.maxDevices && !this.#makeRoom()) {
      this.#refuse(socket, { address, port }, 'limit');
    } else if (this.#secureContext === undefined && !this.#isProxy(address)) {
      this.#admit(socket, { address, port });
    } else {
      void this.#prepare(socket, { address, port });
    }
  }

  /** What comes before a device is one: the balancer's header, then the handshake, within one time limit. */
  async #prepare(socket: Socket, remote: ProxySource): Promise<void> {
    const { clock, limits } = this.#context;
    let stage: RefusalReason = 'proxy';
    let peer = remote;
    this.#preparing.add(socket);
    const deadline = clock.setTimer(() => socket.destroy(), limits.handshakeTimeoutMs, true);
    // Failures show as the rejection of whatever is waited for.
    socket.on('error', () => undefined);
    try {
      if (this.#isProxy(remote.address)) {
        const source = await takeProxyHeader(socket);
        if (source !== undefined)
          peer = { address: canonicalAddress(source.address) ?? source.address, port: source.port };
      }
      stage = 'address';
      if (!this.#isWanted(peer.address)) return this.#refuse(socket, peer, stage);
      stage = 'tls';
      const ready = this.#secureContext === undefined ? socket : await secureSocket(socket, this.#secureContext);
      this.#admit(ready, peer);
    } catch (error) {
      this.#refuse(socket, peer, stage, error instanceof Error ? error.message : String(error));
    } finally {
      deadline.cancel();
      this.#preparing.delete(socket);
    }
  }

  #admit(socket: Socket, remote: ProxySource): void {
    if (!this.#isWanted(remote.address)) return this.#refuse(socket, remote, 'address');
    const device = new StreamDevice({ id: this.#nextId++, ...remote }, socket, this.#host);
    this.#devices.set(device.id, device);
    this.#context.counters.devices(this.protocol).value += 1;
    this.#context.log({ level: 'info', event: 'device_opened', ...this.#where(), id: device.id, ...remoteOf(remote) });
    for (const lease of this.leases) {
      if (lease.started && lease.accept.matches(remote.address)) device.join(lease);
    }
  }

  #refuse(socket: Socket, remote: ProxySource, reason: RefusalReason, detail?: string): void {
    socket.on('error', () => undefined).destroy();
    this.#context.counters.refused(reason).value += 1;
    this.#context.logRateLimited(`${this.#number} ${reason}`, {
      level: 'warn',
      event: 'device_refused',
      ...this.#where(),
      reason,
      ...remoteOf(remote),
      ...(detail === undefined ? {} : { detail }),
    });
  }

  /** Those that wait for an answer come after those that have something to say. */
  #makeRoom(): boolean {
    for (const device of this.#answerable.values()) {
      this.#answerable.delete(device.id);
      device.destroy();
      return true;
    }
    return false;
  }

  #onGone(device: StreamDevice, reason: string): void {
    this.#devices.delete(device.id);
    if (device.answerable) this.#answerable.set(device.id, device);
    this.#context.log({
      level: 'info',
      event: 'device_closed',
      ...this.#where(),
      id: device.id,
      ...remoteOf(device),
      reason,
    });
  }

  #isWanted(address: string): boolean {
    for (const lease of this.leases) if (lease.accept.matches(address)) return true;
    return false;
  }

  /** Whether a lease that is not started yet will hear a device. Started ones do so already, or lost it. */
  #isAwaited(address: string): boolean {
    for (const lease of this.leases) if (!lease.started && lease.accept.matches(address)) return true;
    return false;
  }

  #isProxy(address: string): boolean {
    const proxies: AcceptList | undefined = this.#context.proxies;
    return proxies?.matches(address) === true;
  }

  #where(): { protocol: Protocol; port: number } {
    return { protocol: this.protocol, port: this.#number };
  }
}

function remoteOf(remote: ProxySource): { address: string; remotePort: number } {
  return { address: remote.address, remotePort: remote.port };
}
