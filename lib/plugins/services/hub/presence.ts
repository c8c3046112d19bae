import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { hubId, type Member, type PresenceEvent } from '../member.ts';
import type { Participant } from './participant.ts';

/** A member that changes all the time is told about so often. */
const shortestMs = 20;

/** Learns of members who come, go and change. */
export type Watcher = (event: PresenceEvent, member: Member, reason?: string) => void;

/** Who is here. */
export class Presence {
  readonly #clock: Clock;
  readonly #maxMembers: number;
  readonly #tell: Watcher;
  readonly #byId = new Map<string, Participant>();
  readonly #byName = new Map<string, Participant>();
  readonly #changed = new Set<Participant>();
  /** Members of other nodes, by their ids in the world. */
  readonly others = new Map<string, Member>();
  #isDeferred = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, maxMembers: number, tell: Watcher) {
    this.#clock = clock;
    this.#maxMembers = maxMembers;
    this.#tell = tell;
  }

  get all(): Iterable<Participant> {
    return this.#byId.values();
  }

  byId(id: string): Participant | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): Participant | undefined {
    return this.#byName.get(name);
  }

  /** The entries of all members, or of those who offer a service, in the order they came; those of other nodes last. */
  entries(service?: string): Member[] {
    const entries: Member[] = [];
    for (const { entry, services } of this.#byId.values()) {
      if (service === undefined || services.has(service)) entries.push(entry);
    }
    for (const entry of this.others.values()) {
      if (service === undefined || entry.services.includes(service)) entries.push(entry);
    }
    return entries;
  }

  /** The entries of those of this hub. */
  own(): Member[] {
    return Array.from(this.#byId.values(), ({ entry }) => entry);
  }

  /** The entry of the one with this name, here or else at another node. */
  named(name: string): Member | undefined {
    const own = this.#byName.get(name);
    return own === undefined ? [...this.others.values()].find((entry) => entry.name === name) : own.entry;
  }

  /**
   * Whom one with this name would replace; undefined where the name is free.
   * @throws BusError `ERR_NAME_TAKEN`, or `ERR_QUEUE_FULL` when there are as many members as may be.
   */
  claim(id: string, name: string, takeOver: boolean): Participant | undefined {
    const holder = this.#byName.get(name);
    const isHubs = name === hubId || id === hubId || holder?.id === hubId;
    if (isHubs || (holder !== undefined && holder.isUp && !takeOver)) {
      throw new BusError('ERR_NAME_TAKEN', `There is a member named "${name}" already`);
    }
    if (holder === undefined && this.#byId.size > this.#maxMembers) {
      throw new BusError('ERR_QUEUE_FULL', `There are ${this.#maxMembers} members already`);
    }
    return holder;
  }

  add(participant: Participant): void {
    this.#byId.set(participant.id, participant);
    this.#byName.set(participant.name, participant);
    this.#tell('join', participant.entry);
  }

  remove(participant: Participant, reason: string): void {
    this.#byId.delete(participant.id);
    this.#byName.delete(participant.name);
    this.#changed.delete(participant);
    participant.leave();
    this.#tell('leave', participant.entry, reason);
  }

  /** What everyone sees of it is another now; told at the end of the turn, or a little later where it was told just before. */
  change(participant: Participant, said: { readonly meta: unknown } = participant.entry): void {
    participant.refresh(said.meta);
    if (participant.isGone || this.#byId.get(participant.id) !== participant) return;
    this.#changed.add(participant);
    if (this.#isDeferred || this.#timer !== undefined) return;
    this.#isDeferred = true;
    this.#clock.defer(() => this.#flush());
  }

  dispose(): void {
    this.#timer?.cancel();
    this.#changed.clear();
  }

  #flush(): void {
    this.#isDeferred = false;
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const participant of this.#changed) {
      if (now - participant.toldAt < shortestMs) continue;
      this.#changed.delete(participant);
      participant.toldAt = now;
      this.#tell('change', participant.entry);
    }
    if (this.#changed.size > 0) this.#timer = this.#clock.setTimer(() => this.#flush(), shortestMs, true);
  }
}
