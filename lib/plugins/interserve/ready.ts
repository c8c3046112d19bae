import { Socket } from 'node:net';
import type { PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { parseAddress } from '../../transport/address.ts';

/** Where the client has the bus. */
export interface BusPlace {
  /** An IP address, or the path of a socket. */
  readonly address: string;
  /** Undefined for a path. */
  readonly port: number | undefined;
  /** The host as the client was told it, in lower case. */
  readonly host: string | undefined;
}

/** The client as a peer, and those who wait until it is ready. */
export class Ready {
  #peer: PeerHandle | undefined;
  #place: BusPlace | undefined;
  #waiting: ((peer: PeerHandle) => void)[] = [];

  constructor(host: PluginHost) {
    for (const peer of host.peers) this.#set(peer);
    host.onConnect((peer) => this.#set(peer));
    host.onDisconnect(() => {
      this.#peer = undefined;
    });
  }

  /** Where the bus is, or was while a link was last open. */
  get place(): BusPlace | undefined {
    const address = this.#peer?.remoteAddress;
    if (this.#peer !== undefined && address !== undefined)
      this.#place = { address, port: portOf(this.#peer), host: hostOf(this.#peer) };
    return this.#place;
  }

  /** Never rejects; those who give up waiting do so by themselves. */
  wait(): Promise<PeerHandle> {
    if (this.#peer !== undefined) return Promise.resolve(this.#peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #set(peer: PeerHandle): void {
    this.#peer = peer;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(peer);
  }
}

function portOf(peer: PeerHandle): number | undefined {
  return 'connection' in peer && peer.connection instanceof Socket ? peer.connection.remotePort : undefined;
}

function hostOf(peer: PeerHandle): string | undefined {
  const options: unknown = 'options' in peer ? peer.options : undefined;
  if (typeof options !== 'object' || options === null) return undefined;
  if ('host' in options && typeof options.host === 'string') return options.host.toLowerCase();
  if (!('url' in options) || typeof options.url !== 'string') return undefined;
  const address = parseAddress(options.url);
  return 'host' in address ? address.host.toLowerCase() : undefined;
}
