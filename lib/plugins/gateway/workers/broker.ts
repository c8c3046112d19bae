import type { Clock } from '../../../base/clock.ts';
import { IdMap } from '../connection-table.ts';
import { creditOf, type Passing, type WebServerMessage } from '../gateway-event.ts';
import type { BrokeredItem } from './brokered-item.ts';
import { WorkerGroup } from './worker-group.ts';
import { eventFrame, type ShareOptions } from './worker-protocol.ts';
import type { Worker } from './worker.ts';

export interface BrokerSettings {
  readonly clock: Clock;
  /** How long an item without a worker waits for one. */
  readonly graceMs: number;
  readonly windowBytes: number;
}

/**
 * Distributes the items of a server, requests or clients, over groups of workers. Forwards their events, and pauses a
 * client while a worker's window is full.
 */
export abstract class Broker<Item extends BrokeredItem> {
  protected readonly settings: BrokerSettings;
  protected readonly items = new IdMap<Item>();
  readonly #groups = new Map<string, WorkerGroup>();

  protected constructor(settings: BrokerSettings) {
    this.settings = settings;
  }

  /** Removes a worker: items that can move go to others, the rest is ended. False if the worker was in no group. */
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

  /** The handlers of `worker` have finished with `bytes` of an item. */
  took(worker: Worker, id: string, bytes: number): void {
    const item = this.items.get(id);
    if (item === undefined) return;
    item.took(worker, bytes);
    this.pace(item);
  }

  /** Cancels all timers and settles all waits. */
  dispose(): void {
    for (const key of [...this.#groups.keys()]) this.#dissolve(key);
    for (const item of this.items.all()) this.giveUp(item);
  }

  /** Whether the server listens, so that new items may come. */
  protected abstract get listening(): boolean;

  /** Stops and resumes reading from the item's client. */
  protected abstract pause(item: Item): void;
  protected abstract resume(item: Item): void;

  /** Tells the item's client that no worker will serve it. */
  protected abstract refuse(item: Item): void;

  /** Called when the first worker joins a group; a throw prevents that. */
  protected groupFormed(_key: string): void {}

  /** Called when a group was dissolved. */
  protected groupDissolved(_key: string): void {}

  protected hasGroup(key: string): boolean {
    return this.#groups.has(key);
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` if the group shares in another way or has this worker already. */
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

  /** Removes `worker` from a group, which is dissolved if it is empty then. False if the worker was not in it. */
  protected leave(worker: Worker, key: string): boolean {
    const group = this.#groups.get(key);
    if (group === undefined || !group.delete(worker)) return false;
    if (group.workers.length === 0) this.#dissolve(key);
    return true;
  }

  /** Gives an item to a worker of its group; without one it waits for `graceMs`. */
  protected assign(item: Item): void {
    const group = this.#groups.get(item.group);
    if (group?.mode === 'all') for (const worker of group.workers) this.#give(item, worker);
    const picked = group?.mode === 'all' ? undefined : group?.pick(item.details);
    if (picked !== undefined) this.#give(item, picked);
    if (item.taken || item.orphaned !== undefined) return;
    this.pause(item);
    item.orphaned = this.settings.clock.setTimer(() => this.giveUp(item), this.settings.graceMs);
  }

  /** Forwards an event to the workers of its item. */
  protected pass(item: Item, payload: WebServerMessage, passing: Passing): void {
    const frame = eventFrame(payload);
    if (passing === 'fleeting') {
      for (const worker of item.workers) worker.send(frame);
      return;
    }
    item.tell(frame, passing === 'credited' ? creditOf(payload.message) : 0);
    this.pace(item);
  }

  /** Pauses or resumes the client as the windows of its workers say. */
  protected pace(item: Item): void {
    if (!item.taken) return;
    if (item.full) this.pause(item);
    else if (item.roomy) this.resume(item);
  }

  /** Removes an item that is over and sends its last event to its workers. */
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

  /** The server stopped: groups without a worker are dissolved at once. */
  protected stopped(): void {
    for (const [key, { retiring }] of this.#groups) if (retiring !== undefined) this.#dissolve(key);
  }

  #give(item: Item, worker: Worker): void {
    item.give(worker);
    this.pace(item);
  }

  /** An empty group stays for the grace time, so that a new worker can join it. */
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
