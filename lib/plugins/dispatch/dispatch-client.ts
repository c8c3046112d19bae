import { asBusError, BusError } from '../../base/errors.ts';
import { custom, integer, optional, resolveOptions } from '../../base/options.ts';
import type { Lane, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { AcceptList } from './accept-list.ts';
import { decodeData, encodeData, type LeaseRequest, type OpenRequest, readPortMessage } from './bus-messages.ts';
import { DevicePort } from './device-port.ts';
import type { Device, Protocol } from './driver.ts';
import { messageType } from './message.ts';

export interface TcpPortOptions {
  /** 1 to 65535, or 0 for a free one. */
  readonly port: number;
  /** Addresses and CIDR ranges of devices, as a list or with commas between them. */
  readonly accept: string | readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface UdpPortOptions extends TcpPortOptions {
  /** Groups to join, each `address` or `address%interface`. */
  readonly multicast?: string | readonly string[] | undefined;
}

export interface TlsPortOptions extends TcpPortOptions {
  /** PEM; without them the dispatcher shows a certificate of its own. A key alone gets a self-signed one. */
  readonly key?: string | undefined;
  readonly cert?: string | undefined;
}

interface GivenOptions extends UdpPortOptions, TlsPortOptions {}

const portOptions = {
  /** The port to open; 0 picks a free one. */
  port: optional(integer({ default: 0, max: 65_535 })),
  /** Who may connect or send. */
  accept: custom<unknown>({
    type: 'addresses',
    default: undefined,
    accepts: () => true,
  }),
  /** Groups to join, for UDP. */
  multicast: custom<unknown>({
    type: 'addresses',
    default: undefined,
    accepts: () => true,
  }),
  /** For TLS. */
  key: custom<unknown>({
    type: 'PEM text',
    default: undefined,
    accepts: (value) => typeof value === 'string',
  }),
  /** For TLS. */
  cert: custom<unknown>({
    type: 'PEM text',
    default: undefined,
    accepts: (value) => typeof value === 'string',
  }),
  signal: custom<unknown>({
    type: 'AbortSignal',
    default: undefined,
    accepts: (value) => value instanceof AbortSignal,
  }),
};

/** Ports of the dispatcher at the peer of a client's session. */
export class DispatchPorts {
  readonly #host: PluginHost;
  readonly #lane: Lane;
  readonly #ports = new Map<number, DevicePort>();
  #nextLease = 1;

  constructor(host: PluginHost) {
    this.#host = host;
    this.#lane = host.lane({ message: (data) => this.#onMessage(data) });
    host.onDisconnect((_peer, reason) => {
      for (const number of [...this.#ports.keys()])
        this.#end(number, asBusError(reason ?? new BusError('ERR_SESSION_LOST'), 'ERR_SESSION_LOST'));
    });
  }

  /**
   * Opens a TCP port, or shares one that is open. Rejects with `ERR_ADDRESS_IN_USE`, `ERR_LISTEN`, `ERR_UNAUTHORIZED`,
   * `ERR_INVALID_ARGUMENT`, `ERR_INVALID_OPTION`, `ERR_REFUSED`, `ERR_PEER_LACKS_FEATURE`.
   */
  tcp(options: TcpPortOptions): Promise<DevicePort> {
    return this.#open('tcp', options);
  }

  /** Opens a UDP port, or shares one that is open. */
  udp(options: UdpPortOptions): Promise<DevicePort> {
    return this.#open('udp', options);
  }

  /** Opens a TCP port with TLS, or shares one that is open. */
  tls(options: TlsPortOptions): Promise<DevicePort> {
    return this.#open('tls', options);
  }

  /** How many ports it has. */
  get size(): number {
    return this.#ports.size;
  }

  /** Gives all ports back. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#ports.values()].map((port) => port.release()));
  }

  async #open(protocol: Protocol, options: GivenOptions): Promise<DevicePort> {
    resolveOptions(`ports.${protocol}`, portOptions, options);
    const { port: wanted, accept, multicast = [], key, cert, signal } = options;
    if (wanted === undefined) throw new BusError('ERR_INVALID_OPTION', `ports.${protocol} needs the option "port"`);
    const peer = this.#peer();
    const lease = this.#nextLease++;
    const request: OpenRequest = {
      op: 'open',
      lease,
      protocol,
      port: wanted,
      accept: AcceptList.parse(accept).entries,
      multicast: typeof multicast === 'string' ? multicast.split(',') : multicast,
      key,
      cert,
    };
    const port = await this.#lane.request(peer, request, { signal }).catch((error: unknown) => {
      // The dispatcher may open it all the same, where the caller gave up or the answer was lost.
      this.#ask(peer, { op: 'release', lease }).catch(() => undefined);
      throw error;
    });
    const held = new DevicePort(protocol, Number(port), {
      write: async (device, bytes) => {
        const message = encodeData(lease, messageType.write, device.address, device.id, bytes);
        // The dispatcher settles it: the device takes the bytes, or is given up within its time.
        await this.#lane.request(peer, message, { timeout: 0 });
      },
      close: (device) => this.#ask(peer, { op: 'close', lease, device: plain(device) }),
      release: async () => {
        this.#ports.delete(lease);
        await this.#ask(peer, { op: 'release', lease });
      },
      credit: (bytes) => {
        this.#lane
          .send(peer, { op: 'credit', lease, bytes })
          .catch((error) => this.#end(lease, asBusError(error, 'ERR_SESSION_LOST')));
      },
      report: (error) => this.#host.report(error, peer),
    });
    this.#ports.set(lease, held);
    return held;
  }

  async #ask(peer: PeerHandle, request: LeaseRequest): Promise<void> {
    await this.#lane.request(peer, request);
  }

  #peer(): PeerHandle {
    for (const peer of this.#host.peers) return peer;
    throw new BusError('ERR_STATE', 'The client is not connected');
  }

  #onMessage(data: unknown): void {
    if (data instanceof Uint8Array) {
      const { lease, address, id, data: bytes } = decodeData(data, 'server');
      this.#ports.get(lease)?.receive(address, id, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      return;
    }
    const message = readPortMessage(data);
    if (message.op === 'ended') this.#end(message.lease, new BusError(message.code, message.message));
    else this.#ports.get(message.lease)?.announce(message.op, message.device);
  }

  #end(lease: number, reason: BusError): void {
    const port = this.#ports.get(lease);
    this.#ports.delete(lease);
    port?.end(reason);
  }
}

function plain({ id, address, port }: Device): Device {
  return { id, address, port };
}
