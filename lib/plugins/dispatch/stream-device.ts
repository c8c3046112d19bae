import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';
import { deviceGone, DeviceOutbox } from './device-outbox.ts';
import type { Device } from './driver.ts';
import type { Lease, PendingDevice } from './lease.ts';
import type { Counters } from './metrics.ts';
import type { Limits } from './open-port.ts';

/** What a stream device needs of the port it came to. */
export interface DeviceHost {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly counters: Counters;
  /** The device is no more: it counts no longer, whatever its drivers still have to read, or to answer. */
  gone(device: StreamDevice, reason: string): void;
  /** Its connection is over. */
  over(device: StreamDevice): void;
}

/**
 * A program connected over TCP or TLS, and the drivers that hear it. A chunk that one of them cannot take is kept, for
 * that driver alone, and nothing more is read until it could. One that ended its own half of the connection is gone as
 * far as its drivers are told, and may still be answered for a while.
 */
export class StreamDevice implements Device, PendingDevice {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #host: DeviceHost;
  readonly #outbox: DeviceOutbox;
  /** The drivers, and whether the kept chunk is still to be given to them. */
  readonly #audience = new Map<Lease, 'served' | 'waiting'>();
  #kept: Buffer | undefined;
  #waiting = 0;
  #status: 'open' | 'closing' | 'gone' = 'open';
  /** The device sent its last, and its drivers may have more to say. */
  #answerable = false;
  #timer: Timer | undefined;

  constructor(identity: Device, socket: Socket, host: DeviceHost) {
    this.id = identity.id;
    this.address = identity.address;
    this.port = identity.port;
    this.#socket = socket;
    this.#host = host;
    this.#outbox = new DeviceOutbox(socket, host.limits, host.clock, () => this.#onStuck());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => {
      this.#answerable = this.#status === 'open';
      this.#finish('the device closed the connection');
      if (this.#answerable) this.#awaitAnswer();
      else this.#outbox.end();
    });
    socket.on('error', (error) => this.#finish(error.message));
    socket.on('close', () => {
      this.#outbox.destroy();
      this.#finish('the connection closed');
      this.#answerable = false;
      this.#timer?.cancel();
      host.over(this);
    });
    socket.pause();
  }

  /** Drivers that hear this device. */
  get drivers(): number {
    return this.#audience.size;
  }

  /** Whether it ended its half of the connection, and takes answers. */
  get answerable(): boolean {
    return this.#answerable;
  }

  join(lease: Lease): void {
    if (this.#status !== 'open' || this.#audience.has(lease)) return;
    this.#audience.set(lease, 'served');
    lease.driver.opened(this);
    this.#flow();
  }

  /** The driver left the port; a device that nobody hears any more is for the port to close. */
  leave(lease: Lease): void {
    this.#remove(lease);
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#answerable) this.#awaitAnswer();
    else if (this.#status !== 'open') throw deviceGone();
    const wait = this.#outbox.write(bytes);
    this.#host.counters.streamBytesOut.value += bytes.length;
    return wait;
  }

  /** Closes once what was written has left, and does not wait for that indefinitely. */
  close(): void {
    if (this.#answerable) return this.#endAnswer();
    if (this.#status !== 'open') return;
    this.#status = 'closing';
    this.#socket.once('finish', () => this.#finish('a driver closed it'));
    this.#outbox.end();
    // Unread bytes would turn the closing into a reset, which may overtake what was written.
    this.#socket.resume();
    this.#destroyLater();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  retry(lease: Lease): void {
    if (this.#audience.get(lease) !== 'waiting') return;
    this.#audience.set(lease, 'served');
    this.#waiting -= 1;
    if (this.#kept !== undefined) lease.deliver(this, this.#kept);
    if (this.#status === 'gone') this.#destroyTimer(lease);
    this.#flow();
  }

  #onData(chunk: Buffer): void {
    if (this.#status !== 'open') return;
    this.#host.counters.streamBytesIn.value += chunk.length;
    for (const lease of this.#audience.keys()) {
      if (lease.ready) {
        lease.deliver(this, chunk);
      } else {
        this.#audience.set(lease, 'waiting');
        this.#waiting += 1;
        lease.await(this);
      }
    }
    if (this.#waiting > 0) {
      this.#kept = chunk;
      this.#socket.pause();
      this.#watchStall();
    }
  }

  #flow(): void {
    if (this.#waiting > 0) return;
    this.#kept = undefined;
    if (this.#status !== 'open') return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#audience.size > 0) this.#socket.resume();
    else this.#socket.pause();
  }

  /** A driver that takes nothing holds up only itself: after a while the others have the device alone. */
  #watchStall(): void {
    if (this.#timer !== undefined || this.#audience.size < 2) return;
    const { clock, limits } = this.#host;
    this.#timer = clock.setTimer(
      () => {
        this.#timer = undefined;
        if (this.#waiting === 0 || this.#status !== 'open') return;
        const latest = clock.now() - limits.stallMs;
        const stalled = [...this.#audience].filter(([lease, part]) => part === 'waiting' && isStalled(lease, latest));
        if (stalled.length < this.#audience.size) for (const [lease] of stalled) this.#withhold(lease);
        if (this.#waiting > 0) this.#watchStall();
      },
      limits.stallMs,
      true,
    );
  }

  #withhold(lease: Lease): void {
    this.#host.counters.devicesWithheld.value += 1;
    this.#remove(lease);
    lease.driver.closed(this);
  }

  #remove(lease: Lease): void {
    const part = this.#audience.get(lease);
    if (part === undefined) return;
    this.#audience.delete(lease);
    lease.forget(this);
    if (part === 'waiting') this.#waiting -= 1;
    this.#flow();
  }

  #onStuck(): void {
    this.#host.counters.devicesTimedOut.value += 1;
    this.#socket.destroy();
    this.#finish('the device read nothing of what was sent to it');
  }

  #finish(reason: string): void {
    if (this.#status === 'gone') return;
    this.#status = 'gone';
    this.#destroyLater();
    this.#host.gone(this, reason);
    for (const [lease, part] of this.#audience) if (part === 'served') this.#destroyTimer(lease);
  }

  /** What is written within the time restarts it. */
  #awaitAnswer(): void {
    this.#timer?.cancel();
    this.#timer = this.#host.clock.setTimer(() => this.#endAnswer(), this.#host.limits.answerTimeoutMs, true);
  }

  #endAnswer(): void {
    this.#answerable = false;
    this.#outbox.end();
    this.#destroyLater();
  }

  /** A device that never closes its own side is not waited for any longer. */
  #destroyLater(): void {
    this.#timer?.cancel();
    this.#timer = this.#host.clock.setTimer(() => this.#socket.destroy(), this.#host.limits.deviceTimeoutMs, true);
  }

  #destroyTimer(lease: Lease): void {
    this.#audience.delete(lease);
    lease.driver.closed(this);
  }
}

function isStalled(lease: Lease, latest: number): boolean {
  return lease.stalledSince !== undefined && lease.stalledSince <= latest;
}
