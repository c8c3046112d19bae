import { BusError } from '../../base/errors.ts';
import type { AcceptList } from './accept-list.ts';
import type { Device, Driver } from './driver.ts';

/** The listening side of a lease. */
export interface LeasedPort {
  readonly number: number;
  start(lease: Lease): void;
  write(device: Device, bytes: Uint8Array): Promise<void> | undefined;
  close(device: Device): void;
  leave(lease: Lease): void;
}

/** A device that holds bytes for a driver that was not ready. */
export interface PendingDevice {
  retry(lease: Lease): void;
}

/**
 * One driver's share in a port. It keeps the port open until it is released. Nothing is delivered before `start()`.
 */
export class Lease {
  readonly driver: Driver;
  readonly accept: AcceptList;
  /** When the driver last said it wants no more, by the dispatcher's clock; undefined while it takes bytes. */
  stalledSince: number | undefined;
  readonly #port: LeasedPort;
  readonly #now: () => number;
  readonly #waiting = new Set<PendingDevice>();
  #status: 'held' | 'started' | 'released' = 'held';

  constructor(port: LeasedPort, driver: Driver, accept: AcceptList, now: () => number) {
    this.#port = port;
    this.driver = driver;
    this.accept = accept;
    this.#now = now;
  }

  get port(): number {
    return this.#port.number;
  }

  get released(): boolean {
    return this.#status === 'released';
  }

  /** Whether bytes may be delivered now. */
  get ready(): boolean {
    return this.#status === 'started' && this.stalledSince === undefined;
  }

  get started(): boolean {
    return this.#status === 'started';
  }

  /** Announces the devices that are there, and delivers from now on. */
  start(): void {
    if (this.#status !== 'held') return;
    this.#status = 'started';
    this.#port.start(this);
  }

  /** Hands bytes to the driver; only to be called while it is ready. */
  deliver(device: Device, bytes: Uint8Array): void {
    if (!this.driver.received(device, bytes)) this.stalledSince ??= this.#now();
  }

  /** Remembers who has bytes for this driver. */
  await(device: PendingDevice): void {
    this.#waiting.add(device);
  }

  forget(device: PendingDevice): void {
    this.#waiting.delete(device);
  }

  /** The driver takes bytes again: those kept for it come first, in the order they came. */
  drained(): void {
    if (this.#status !== 'started') return;
    this.stalledSince = undefined;
    for (const device of this.#waiting) {
      if (!this.ready) return;
      this.#waiting.delete(device);
      device.retry(this);
    }
  }

  /**
   * Sends to a device. A promise means that the device is slow: it settles when there is room again.
   * @throws BusError `ERR_DEVICE_GONE`, `ERR_CLOSED` after the release; for UDP `ERR_TOO_LARGE` and `ERR_QUEUE_FULL`.
   */
  write(device: Device, bytes: Uint8Array): Promise<void> | undefined {
    if (this.released) throw new BusError('ERR_CLOSED', 'The port was released');
    return this.#port.write(device, bytes);
  }

  /** Closes a device once what was written to it has left; nothing happens if it is gone, or for UDP. */
  close(device: Device): void {
    if (!this.released) this.#port.close(device);
  }

  /** Gives the port back. Devices that no other driver takes are closed; the last lease closes the port. */
  release(): void {
    if (this.#status === 'released') return;
    this.#status = 'released';
    this.#waiting.clear();
    this.#port.leave(this);
  }

  /** Releases and tells the driver why. */
  end(reason: BusError): void {
    if (this.released) return;
    this.release();
    this.driver.ended(reason);
  }
}
