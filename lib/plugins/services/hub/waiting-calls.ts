import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { Call } from './call.ts';
import type { ServiceHost } from './hub-service.ts';

/** What may wait at the hub for one service: calls, and states of keys without an owner. */
export class WaitingRoom {
  readonly #host: Pick<ServiceHost, 'limits' | 'closed'>;
  calls = 0;
  bytes = 0;

  constructor(host: Pick<ServiceHost, 'limits' | 'closed'>) {
    this.#host = host;
  }

  /** @throws BusError `ERR_QUEUE_FULL`, or what all reject with where the hub closes. */
  check(bytes: number): void {
    const { limits, closed } = this.#host;
    if (closed !== undefined) throw closed;
    const { maxWaiting, maxWaitingBytes } = limits;
    if (this.calls < maxWaiting && this.bytes + bytes <= maxWaitingBytes) return;
    throw new BusError('ERR_QUEUE_FULL', `${this.calls} calls of this service wait at the hub`);
  }

  /** Whether a state of this size can be kept. */
  fits(bytes: number): boolean {
    return this.bytes + bytes <= this.#host.limits.maxWaitingBytes;
  }
}

/**
 * Calls that wait for a member, or for a member with free capacity, in their order. A cancelled call leaves at once.
 */
export class WaitingCalls {
  readonly #room: WaitingRoom;
  readonly #clock: Clock;
  readonly #waitMs: number;
  /** Those that had a member before all others. */
  readonly #again = new Set<Call>();
  readonly #calls = new Set<Call>();
  #timer: Timer | undefined;
  #hasMember = true;
  readonly #emptied: (() => void) | undefined;

  /** `waitMs`: how long each waits where there is no member; `emptied` hears when none waits any more. */
  constructor(room: WaitingRoom, clock: Clock, waitMs: number, emptied?: () => void) {
    this.#room = room;
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#emptied = emptied;
  }

  get size(): number {
    return this.#again.size + this.#calls.size;
  }

  /** Rejects with the call with `ERR_QUEUE_FULL` where there is no room. `again`: it had a member already, and goes first. */
  add(call: Call, again = false): void {
    if (call.isOver) return;
    const bytes = call.measure();
    try {
      this.#room.check(bytes);
    } catch (error) {
      call.reject(error);
      return;
    }
    this.#room.calls += 1;
    this.#room.bytes += bytes;
    (again ? this.#again : this.#calls).add(call);
    call.waitsIn = this;
    call.waitsSince = this.#clock.now();
    if (!this.#hasMember) this.#arm();
  }

  /** The one whose turn it is. */
  get first(): Call | undefined {
    for (const call of this.#again) return call;
    for (const call of this.#calls) return call;
    return undefined;
  }

  /** Takes out the one whose turn it is. */
  shift(): Call | undefined {
    const call = this.first;
    if (call !== undefined) this.drop(call);
    return call;
  }

  drop(call: Call): void {
    if (!this.#again.delete(call) && !this.#calls.delete(call)) return;
    call.waitsIn = undefined;
    this.#room.calls -= 1;
    this.#room.bytes -= call.measure();
    if (this.size > 0) return;
    this.#disarm();
    this.#emptied?.();
  }

  /** Says whether there is a member for them. Without one each waits for a while and is rejected then. */
  member(is: boolean): void {
    if (this.#hasMember === is) return;
    this.#hasMember = is;
    this.#disarm();
    if (is) return;
    const now = this.#clock.now();
    for (const call of [...this.#again, ...this.#calls]) call.waitsSince = now;
    if (this.size > 0) this.#arm();
  }

  /** Rejects all. */
  fail(error: unknown): void {
    for (let call = this.shift(); call !== undefined; call = this.shift()) call.reject(error);
  }

  #arm(): void {
    this.#timer ??= this.#clock.setTimer(() => this.#expire(), this.#waitMs, true);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const call of [...this.#again, ...this.#calls]) {
      const left = call.waitsSince + this.#waitMs - now;
      if (left > 0) {
        next = Math.min(next, left);
        continue;
      }
      this.drop(call);
      call.reject(new BusError('ERR_NO_SERVICE', `No member offers "${call.service}"`));
    }
    if (this.size > 0 && Number.isFinite(next)) this.#timer = this.#clock.setTimer(() => this.#expire(), next, true);
  }
}
