import { BusError } from '../../base/errors.ts';
import { checkSettings } from '../../base/settings.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { Interrupt } from './http/door.ts';

/** Decides about an upload before it starts; `size` is undefined for a stream of unknown length. */
export type Handshake = (peer: PeerHandle, size: number | undefined) => boolean | PromiseLike<boolean>;

export interface AddOptions {
  /** The most one transfer on this id may carry, in bytes; the plugin's own option unless given. */
  readonly size?: number;
}

/** The ids a server has endpoints for, and the callbacks that decide on them; these may be set before the id is added. */
export class EndpointRegistry {
  readonly #largest: number;
  readonly #sizes = new Map<string, number>();
  readonly #interrupts = new Map<string, Interrupt>();
  readonly #handshakes = new Map<string, Handshake>();

  constructor(largest: number) {
    this.#largest = largest;
  }

  /** Adding an id again changes its size. Throws `ERR_INVALID_ARGUMENT`. */
  add(id: string, options: AddOptions = {}): void {
    checkId(id);
    checkSettings('add takes', ['size'], options);
    const { size = this.#largest } = options;
    if (!Number.isSafeInteger(size) || size < 0)
      throw new BusError('ERR_INVALID_ARGUMENT', 'A size is a count of bytes');
    this.#sizes.set(id, size);
  }

  remove(id: string): boolean {
    return this.#sizes.delete(id);
  }

  exists(id: string): boolean {
    return this.#sizes.has(id);
  }

  /** The most a transfer on `id` may carry; undefined if there is no such endpoint. */
  sizeOf(id: string): number | undefined {
    return this.#sizes.get(id);
  }

  interrupt(id: string, callback: Interrupt | undefined): void {
    checkId(id);
    setCallback(this.#interrupts, id, callback);
  }

  handshake(id: string, callback: Handshake | undefined): void {
    checkId(id);
    setCallback(this.#handshakes, id, callback);
  }

  interruptOf(id: string): Interrupt | undefined {
    return this.#interrupts.get(id);
  }

  handshakeOf(id: string): Handshake | undefined {
    return this.#handshakes.get(id);
  }
}

/** Throws `ERR_INVALID_ARGUMENT` for what is no endpoint id. */
export function checkId(id: unknown): asserts id is string {
  if (typeof id !== 'string' || id.length === 0 || Buffer.byteLength(id) > 128) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'An endpoint id is a string of 1 to 128 bytes');
  }
}

/** Throws `ERR_INVALID_ARGUMENT` for what is neither a function nor left out. */
export function checkCallback(callback: unknown): void {
  if (callback !== undefined && typeof callback !== 'function') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'A callback is a function');
  }
}

/** Sets a callback, or removes it. Throws `ERR_INVALID_ARGUMENT`. */
export function setCallback<T>(map: Map<string, T>, id: string, callback: T | undefined): void {
  checkCallback(callback);
  if (callback === undefined) map.delete(id);
  else map.set(id, callback);
}
