import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { Queue } from '../../base/queue.ts';
import type { Limits } from './open-port.ts';

/** What is handed to the system at once: progress shows in steps of this size. */
const pieceBytes = 65_536;
/** What a waiting piece costs in addition to its bytes, so that tiny pieces count too. */
const pieceCost = 64;

/**
 * Bytes on their way to one device, in order. The system gets them piece by piece, so that a device that reads slowly
 * can be told from one that does not read at all.
 */
export class DeviceOutbox {
  readonly #socket: Socket;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #onStuck: () => void;
  readonly #queue = new Queue<Uint8Array>();
  #queuedBytes = 0;
  #flying = false;
  #ending = false;
  #watch: Timer | undefined;
  #room: { readonly promise: Promise<void>; settle(error?: BusError): void } | undefined;

  /** `onStuck` is called when the device took nothing for `deviceTimeoutMs`. */
  constructor(socket: Socket, limits: Limits, clock: Clock, onStuck: () => void) {
    this.#socket = socket;
    this.#limits = limits;
    this.#clock = clock;
    this.#onStuck = onStuck;
  }

  /** Takes the bytes; a promise asks the writer to wait for it. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > 0) {
      this.#queue.push(bytes);
      this.#queuedBytes += bytes.length + pieceCost;
      this.#pump();
    }
    if (this.#queuedBytes < this.#limits.maxDeviceBytes) return undefined;
    this.#room ??= room();
    return this.#room.promise;
  }

  /** Ends the connection once everything has left. */
  end(): void {
    this.#ending = true;
    this.#pump();
  }

  /** The connection has closed: those who wait for room get an error. */
  destroy(): void {
    this.#queue.clear();
    this.#watch?.cancel();
    this.#watch = undefined;
    this.#room?.settle(deviceGone());
    this.#room = undefined;
  }

  #pump(): void {
    if (this.#flying) return;
    if (this.#queue.length === 0) {
      if (this.#ending) this.#socket.end();
      return;
    }
    this.#flying = true;
    let size = 0;
    this.#socket.cork();
    while (size < pieceBytes) {
      const next = this.#queue.first;
      if (next === undefined) break;
      const piece = next.subarray(0, pieceBytes - size);
      if (piece.length === next.length) {
        this.#queue.shift();
        this.#queuedBytes -= pieceCost;
      } else this.#queue.replaceFirst(next.subarray(piece.length));
      size += piece.length;
      const last = size === pieceBytes || this.#queue.length === 0;
      if (last) this.#socket.write(piece, () => this.#onTaken(size));
      else this.#socket.write(piece);
    }
    this.#socket.uncork();
    if (this.#flying) this.#watch ??= this.#clock.setTimer(this.#onStuck, this.#limits.deviceTimeoutMs, true);
  }

  #onTaken(size: number): void {
    // A destroyed socket says of everything that it was taken; its end settles what waits here.
    if (this.#socket.destroyed) return;
    this.#flying = false;
    this.#queuedBytes -= size;
    this.#watch?.cancel();
    this.#watch = undefined;
    if (this.#queuedBytes < this.#limits.maxDeviceBytes / 2) {
      this.#room?.settle();
      this.#room = undefined;
    }
    this.#pump();
  }
}

export function deviceGone(): BusError {
  return new BusError('ERR_DEVICE_GONE');
}

function room(): { readonly promise: Promise<void>; settle(error?: BusError): void } {
  let settle: (error?: BusError) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  promise.catch(() => undefined);
  return { promise, settle };
}
