import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { isThenable } from '../../../base/handling.ts';
import { Offer, travels } from '../../rpc/internal.ts';
import { unbegun } from '../protocol.ts';
import type { ServedContext } from '../service-context.ts';
import { HeldKey } from './held-key.ts';

/** A service with keys, as its owners write it. */
export interface KeyedService<Room extends object = object> {
  /** Methods of the class of what `open` returns that can be called, besides its own functions. */
  readonly methods?: readonly string[] | undefined;
  /**
   * Makes what answers the calls to `key`. `state` is what the last owner's `close` returned; undefined for a key that is
   * new, or was lost. `epoch` is greater than in any opening before: what is written with it can be told from what an
   * owner writes that lost the key. What it throws rejects the calls that wait.
   */
  open(key: string, state: unknown, opening: { readonly epoch: number }): Room | Promise<Room>;
  /** Called when the calls to the key have ended, and the key leaves this owner: returns data for the next one. */
  close?(room: Room, key: string): unknown;
  /** Called when the key is another's, with the event `lost` and instead of `close`: stops what the room still does. */
  lost?(room: Room, key: string): void;
}

/** Who learns of the keys. */
export interface HeldKeysHost {
  readonly clock: Clock;
  lost(service: string, key: string): void;
  /** A callback of the service failed that no call waits for. */
  failed(error: unknown): void;
  idle(service: string, key: string, epoch: number, calls: number): void;
}

/** The keys of one service that this member owns. */
export class HeldKeys {
  readonly name: string;
  readonly capacity: number;
  readonly #definition: KeyedService;
  readonly #idleMs: number | undefined;
  readonly #host: HeldKeysHost;
  readonly #keys = new Map<string, HeldKey>();
  #sweep: Timer | undefined;

  get size(): number {
    return this.#keys.size;
  }

  constructor(
    name: string,
    definition: KeyedService,
    { capacity, idleMs }: { readonly capacity: number; readonly idleMs: number | undefined },
    host: HeldKeysHost,
  ) {
    this.name = name;
    this.capacity = capacity;
    this.#definition = definition;
    this.#idleMs = idleMs;
    this.#host = host;
  }

  async open(key: string, epoch: number, state: unknown): Promise<void> {
    this.lose(key);
    const held = new HeldKey(epoch, this.#host.clock.now());
    this.#keys.set(key, held);
    try {
      const object = await this.#definition.open(key, state ?? undefined, { epoch });
      held.room = { object, offer: offerOf(object, this.#definition.methods) };
    } catch (error) {
      if (this.#keys.get(key) === held) this.#keys.delete(key);
      throw error;
    }
    if (held.isLost) {
      this.#lost(key, held);
      throw lostError();
    }
    held.usedAt = this.#host.clock.now();
    this.#watch();
  }

  /** Resolves with the state, when all calls to the key have ended. */
  async close(key: string, epoch: number): Promise<unknown> {
    const held = this.#keys.get(key);
    if (held?.room === undefined || held.epoch !== epoch || held.isClosing) throw lostError();
    held.isClosing = true;
    await held.whenIdle();
    if (held.isLost) throw lostError();
    held.isLeft = true;
    try {
      const state = await this.#definition.close?.(held.room.object as object, key);
      if (!travels(state)) throw new BusError('ERR_UNENCODABLE', `close() of "${this.name}" must return data`);
      return state;
    } finally {
      if (this.#keys.get(key) === held) this.#keys.delete(key);
    }
  }

  /** @throws BusError `unbegun` for a key that is not open here in this epoch. */
  call(key: string, epoch: number, method: string, args: readonly unknown[], context: ServedContext): unknown {
    const held = this.#keys.get(key);
    if (held?.room === undefined || held.epoch !== epoch || held.isClosing) throw lostError();
    held.begin(this.#idleMs === undefined ? 0 : this.#host.clock.now());
    try {
      const result = held.room.offer.call(method, args, context);
      if (isThenable(result)) result.then(held.done, held.done);
      else held.done();
      return result;
    } catch (error) {
      held.done();
      throw error;
    }
  }

  /** The key is another's now, if it is here; in that epoch, if one is given. */
  lose(key: string, epoch?: number): void {
    const held = this.#keys.get(key);
    if (held === undefined || (epoch !== undefined && held.epoch !== epoch)) return;
    this.#keys.delete(key);
    held.lose();
    // One that is being opened is told about when there is something to release.
    if (held.room !== undefined) this.#lost(key, held);
  }

  loseAll(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const key of [...this.#keys.keys()]) this.lose(key);
  }

  #lost(key: string, { room, isLeft }: HeldKey): void {
    try {
      if (!isLeft) this.#definition.lost?.(room?.object as object, key);
    } catch (error) {
      this.#host.failed(error);
    }
    this.#host.lost(this.name, key);
  }

  #watch(): void {
    if (this.#idleMs === undefined || this.#sweep !== undefined) return;
    this.#sweep = this.#host.clock.setTimer(() => this.#lookForIdle(this.#idleMs ?? 0), this.#idleMs, true);
  }

  #lookForIdle(idleMs: number): void {
    this.#sweep = undefined;
    const now = this.#host.clock.now();
    let next = idleMs;
    for (const [key, { epoch, calls, isIdle, isClosing, usedAt }] of this.#keys) {
      const left = usedAt + idleMs - now;
      if (left > 0) next = Math.min(next, left);
      else if (isIdle && !isClosing) this.#host.idle(this.name, key, epoch, calls);
    }
    if (this.#keys.size > 0) this.#sweep = this.#host.clock.setTimer(() => this.#lookForIdle(idleMs), next, true);
  }
}

function offerOf(object: unknown, methods: readonly string[] | undefined): Offer {
  if (typeof object === 'object' && object !== null) return new Offer(object, { methods, context: true });
  throw new BusError('ERR_INVALID_ARGUMENT', 'open() must return an object');
}

function lostError(): BusError {
  return new BusError(unbegun, 'This member does not have the key');
}
