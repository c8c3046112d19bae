import { BusError, asBusError } from '../../base/errors.ts';
import { Queue } from '../../base/queue.ts';
import type { Call } from './call.ts';
import type { HubService, ServiceHost } from './hub-service.ts';
import { OwnedKey } from './owned-key.ts';
import type { KeyHost, KeyOfOwner, Owner } from './owner.ts';
import type { Participant } from './participant.ts';
import { hashOf, rendezvous } from './rendezvous.ts';
import { WaitingRoom } from './waiting-calls.ts';

/** Keys that are opened or moved at once, beside those that calls wait for. */
const mostMoves = 64;

/** A service with keys: who owns which, and how they go from one owner to the next. */
export class KeySpace implements HubService {
  readonly name: string;
  readonly how = 'keys';
  readonly #host: ServiceHost;
  readonly #keys = new Map<string, OwnedKey>();
  readonly #keyHost: KeyHost;
  #owners: Owner[] = [];
  /** Those of them who may get keys. */
  #candidates: Owner[] = [];
  readonly #moves = new Queue<() => Promise<void>>();
  #moving = 0;

  constructor(name: string, host: ServiceHost) {
    this.name = name;
    this.#host = host;
    this.#keyHost = {
      service: name,
      host,
      room: new WaitingRoom(host),
      choose: (key) => this.#choose(key),
      over: (key) => this.#forget(key),
    };
  }

  get isUsed(): boolean {
    return this.#owners.length > 0 || this.#keys.size > 0;
  }

  add(participant: Participant, weight: number): void {
    this.#owners = [
      ...this.#owners,
      { participant, weight, hash: participant.hash, keys: new Set(), isLeaving: false, isGone: false },
    ];
    this.changed();
  }

  remove(participant: Participant): void {
    const owner = this.#owners.find((one) => one.participant === participant);
    if (owner === undefined) return;
    this.#owners = this.#owners.filter((one) => one !== owner);
    owner.isGone = true;
    this.changed();
    for (const key of [...owner.keys]) key.ownerGone(owner, (carry) => this.#soon(carry));
  }

  changed(): void {
    const willing = this.#owners.filter(({ participant, isLeaving }) => !isLeaving && !participant.isDraining);
    const up = willing.filter(({ participant }) => participant.isUp);
    const had = this.#candidates.length > 0;
    this.#candidates = up.length > 0 ? up : willing;
    if (had || this.#candidates.length === 0) return;
    for (const key of this.#keys.values()) if (key.isParked) this.#soon(() => key.carry()).catch(ignore);
  }

  take(call: Call, again = false): void {
    try {
      this.#key(call.key ?? '').take(call, again);
    } catch (error) {
      call.reject(error);
    }
  }

  /** Who has the key, while it is open. */
  owner(name: string): Participant | undefined {
    const key = this.#keys.get(name);
    return key?.isOpen === true ? key.owner?.participant : undefined;
  }

  /** Those that are open, with that participant if one is given. */
  open(participant?: Participant): string[] {
    const open: string[] = [];
    for (const { name, isOpen, owner } of this.#keys.values()) {
      if (isOpen && (participant === undefined || owner?.participant === participant)) open.push(name);
    }
    return open;
  }

  /**
   * Has `participant` own the key; resolves when it is open there.
   * @throws BusError `ERR_NO_SERVICE` where it does not own keys of this service, or will not.
   */
  async move(name: string, participant: Participant): Promise<void> {
    const owner = this.#willing(participant);
    while (!(await this.#key(name).moveTo(owner)));
  }

  async withdraw(participant: Participant): Promise<void> {
    const owner = this.#owners.find((one) => one.participant === participant);
    if (owner === undefined) return;
    owner.isLeaving = true;
    this.changed();
    await this.drain(participant);
    if (!owner.isGone) this.remove(participant);
  }

  async drain(participant: Participant): Promise<void> {
    const owner = this.#owners.find((one) => one.participant === participant);
    if (owner === undefined) return;
    // Those that are being opened there come to it while the others go.
    while (owner.keys.size > 0 && !owner.isGone) {
      await Promise.all([...owner.keys].map((key) => this.#soon(() => key.leave(owner))));
    }
  }

  /** Moves the open keys that belong elsewhere; resolves with how many. */
  async rebalance(): Promise<number> {
    let moved = 0;
    const moves: Promise<unknown>[] = [];
    for (const key of this.#keys.values()) {
      const owner = this.#choose(key);
      if (!key.isOpen || owner === undefined || owner === key.owner) continue;
      moved += 1;
      moves.push(this.#soon(() => key.moveTo(owner)));
    }
    await Promise.all(moves.map((move) => move.catch(ignore)));
    return moved;
  }

  /** `participant` closes a key of its permanently. @throws BusError `ERR_INVALID_ARGUMENT` for one that it has not. */
  async release(name: string, participant: Participant): Promise<void> {
    const key = this.#keys.get(name);
    if (key?.isOpen !== true || key.owner?.participant !== participant) {
      throw new BusError('ERR_INVALID_ARGUMENT', 'This member has no such key');
    }
    await key.release();
  }

  /** The same for one that was not called since it had `calls` calls. */
  idle(name: string, participant: Participant, epoch: number, calls: number): void {
    const key = this.#keys.get(name);
    if (key?.isOpen !== true || key.owner?.participant !== participant) return;
    if (key.epoch === epoch && key.calls === calls) key.release().catch(ignore);
  }

  close(error: BusError): void {
    for (const key of [...this.#keys.values()]) key.close(error);
  }

  /** @throws BusError `ERR_QUEUE_FULL` where there are as many as may be. */
  #key(name: string): OwnedKey {
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    if (!this.#host.takeKey()) throw new BusError('ERR_QUEUE_FULL', 'The hub has its maximum of keys');
    const key = new OwnedKey(name, hashOf(name), this.#keyHost);
    this.#keys.set(name, key);
    return key;
  }

  #choose({ hash }: { readonly hash: number }): Owner | undefined {
    return rendezvous(hash, this.#candidates);
  }

  #willing(participant: Participant): Owner {
    const owner = this.#owners.find((one) => one.participant === participant);
    if (owner === undefined || owner.isLeaving || participant.isDraining) {
      throw new BusError('ERR_NO_SERVICE', `"${participant.name}" owns no keys of "${this.name}"`);
    }
    return owner;
  }

  #forget(key: KeyOfOwner): void {
    if (this.#keys.get(key.name) !== key) return;
    this.#keys.delete(key.name);
    this.#host.freeKey();
    if (!this.isUsed) this.#host.unused(this.name);
  }

  /** Runs a move when it is its turn, and settles with it. */
  #soon(move: () => Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#moves.push(() =>
        move().then(
          () => resolve(),
          (error: unknown) => reject(asBusError(error, 'ERR_REMOTE')),
        ),
      );
      this.#next();
    });
  }

  #next(): void {
    while (this.#moving < mostMoves && this.#moves.length > 0) {
      const move = this.#moves.shift();
      if (move === undefined) return;
      this.#moving += 1;
      void move().finally(() => {
        this.#moving -= 1;
        this.#next();
      });
    }
  }
}

function ignore(): void {}
