import type { Clock } from '../../base/clock.ts';
import type { BrokeredItem } from './brokered-item.ts';
import { IdMap } from './connection-table.ts';
import type { Passing, WebServerMessage } from './gateway-event.ts';
import type { Worker } from './worker.ts';
import { WorkerGroup } from './worker-group.ts';
import { eventFrame, type ShareOptions } from './worker-protocol.ts';

export interface BrokerSettings {
  readonly clock: Clock;
  /** Time in which a worker may come for what has none. */
  readonly graceMs: number;
  readonly windowBytes: number;
}

/** Shares items of a server between groups of workers, passes their events on, and reads as far as those take them. */
export abstract class Broker<Item extends BrokeredItem> {
  protected readonly settings: BrokerSettings;
  protected readonly items = new IdMap<Item>();
  readonly #groups = new Map<string, WorkerGroup>();

  protected constructor(settings: BrokerSettings) {
    this.settings = settings;
  }

  /** The worker will not come back: what another can have goes there, the rest is given up. False if it was in no group. */
  gone(worker: Worker): boolean {
    let had = false;
    for (const [key, group] of this.#groups) {
      if (!group.delete(worker)) continue;
      had = true;
      if (group.workers.length === 0) this.#retire(key, group);
    }
    for (const item of this.items.all()) {
      if (!item.release(worker)) continue;
      if (!item.movable) this.giveUp(item);
      else if (item.taken) this.pace(item);
      else this.assign(item);
    }
    return had;
  }

  /** The handlers of `worker` are done with so many bytes of an item. */
  took(worker: Worker, id: string, bytes: number): void {
    const item = this.items.get(id);
    if (item === undefined) return;
    item.took(worker, bytes);
    this.pace(item);
  }

  /** Ends all timers and waits. */
  dispose(): void {
    for (const key of [...this.#groups.keys()]) this.#dissolve(key);
    for (const item of this.items.all()) this.giveUp(item);
  }

  /** The server listens, so that items may come. */
  protected abstract get listening(): boolean;

  /** Nothing more is to be read for this item, and then again. */
  protected abstract pause(item: Item): void;
  protected abstract resume(item: Item): void;

  /** Its client is told that nobody will serve it. */
  protected abstract refuse(item: Item): void;

  /** The first worker joins a group. A throw keeps it out. */
  protected groupFormed(_key: string): void {}

  /** A group is no more. */
  protected groupDissolved(_key: string): void {}

  protected hasGroup(key: string): boolean {
    return this.#groups.has(key);
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` where the group shares in another way, or has this worker. */
  protected join(worker: Worker, key: string, options: ShareOptions): void {
    const existing = this.#groups.get(key);
    const group = existing ?? new WorkerGroup(options);
    group.add(worker, options);
    if (existing === undefined) {
      this.groupFormed(key);
      this.#groups.set(key, group);
    }
    group.retiring?.cancel();
    group.retiring = undefined;
    for (const item of this.items.all()) {
      if (item.group !== key) continue;
      if (group.mode === 'all') this.#give(item, worker);
      else if (!item.taken) this.assign(item);
    }
  }

  /** Takes no more items for `worker`, and dissolves the group if that was its last. False if it was not in it. */
  protected leave(worker: Worker, key: string): boolean {
    const group = this.#groups.get(key);
    if (group === undefined || !group.delete(worker)) return false;
    if (group.workers.length === 0) this.#dissolve(key);
    return true;
  }

  /** Gives an item to a worker of its group, or lets it wait for one. */
  protected assign(item: Item): void {
    const group = this.#groups.get(item.group);
    const picked = group?.mode === 'all' ? group.workers : [group?.pick(item.details)];
    for (const worker of picked) if (worker !== undefined) this.#give(item, worker);
    if (item.taken || item.orphaned !== undefined) return;
    this.pause(item);
    item.orphaned = this.settings.clock.setTimer(() => this.giveUp(item), this.settings.graceMs);
  }

  /** Passes an event on to the workers of its item. */
  protected pass(item: Item, payload: WebServerMessage, passing: Passing): void {
    const frame = eventFrame(payload);
    if (passing === 'fleeting') {
      for (const worker of item.workers) worker.send(frame);
      return;
    }
    item.tell(frame, passing === 'credited' ? payload.message.length : 0);
    this.pace(item);
  }

  /** Reads only as far as the workers take it. */
  protected pace(item: Item): void {
    if (!item.taken) return;
    if (item.full) this.pause(item);
    else if (item.roomy) this.resume(item);
  }

  /** The item is over; its workers are told by its last event. */
  protected end(item: Item, payload: WebServerMessage): void {
    this.items.delete(item.id);
    item.end();
    const frame = eventFrame(payload);
    for (const worker of item.workers) worker.send(frame);
  }

  protected giveUp(item: Item): void {
    this.items.delete(item.id);
    item.end();
    this.refuse(item);
  }

  /** The server stopped: no group waits for workers any more. */
  protected stopped(): void {
    for (const [key, { retiring }] of this.#groups) if (retiring !== undefined) this.#dissolve(key);
  }

  #give(item: Item, worker: Worker): void {
    item.give(worker);
    this.pace(item);
  }

  /** A group whose last worker is gone stays for the grace time, in which a new one may come. */
  #retire(key: string, group: WorkerGroup): void {
    group.retiring?.cancel();
    if (!this.listening) this.#dissolve(key);
    else group.retiring = this.settings.clock.setTimer(() => this.#dissolve(key), this.settings.graceMs);
  }

  #dissolve(key: string): void {
    this.#groups.get(key)?.retiring?.cancel();
    this.#groups.delete(key);
    this.groupDissolved(key);
  }
}
