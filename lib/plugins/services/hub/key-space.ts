import { BusError } from '../../../base/errors.ts';
import { unbegun } from '../protocol.ts';
import type { Call } from './call.ts';
import type { HubService, KeyNodes, ServiceHost } from './hub-service.ts';
import { Moves } from './moves.ts';
import { KeyRoutes } from './nodes/key-routes.ts';
import { OwnedKey } from './owned-key.ts';
import type { KeyHost, KeyOfOwner, Owner } from './owner.ts';
import type { Participant } from './participant.ts';
import { type Candidate, hashOf, rendezvous } from './rendezvous.ts';
import { WaitingRoom } from './waiting-calls.ts';

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
  /** Other nodes, which have owners of their own, or had. */
  readonly #nodes: Owner[] = [];
  /** Whether somebody may get keys. */
  #isOwnable = false;
  readonly #ownHash: number;
  readonly #routes: KeyRoutes;
  readonly #moves = new Moves();

  constructor(name: string, host: ServiceHost) {
    this.name = name;
    this.#host = host;
    const { nodes } = host;
    this.#ownHash = hashOf(nodes?.own ?? '');
    this.#routes = new KeyRoutes((call) => host.again(call));
    this.#keyHost = {
      service: name,
      host,
      room: new WaitingRoom(host),
      claim: nodes && ((key) => this.#claim(key, nodes)),
      found: (key, node) => this.#routes.found(key, node),
      choose: (key) => this.#choose(key),
      over: (key) => this.#forget(key),
    };
  }

  get isUsed(): boolean {
    return this.#owners.length > 0 || this.#nodes.length > 0 || this.#keys.size > 0;
  }

  get share(): number {
    return this.#candidates.reduce((sum, { weight }) => sum + weight, 0);
  }

  add(participant: Participant, weight: number): void {
    const { hash, isNode } = participant;
    const owner = { participant, weight, hash, keys: new Set<KeyOfOwner>(), isLeaving: false, isGone: false };
    const known = isNode ? this.#nodes.find((one) => one.participant === participant) : undefined;
    if (known !== undefined) {
      known.weight = weight;
      known.isLeaving = false;
    } else if (isNode) this.#nodes.push(owner);
    else this.#owners = [...this.#owners, owner];
    this.changed();
  }

  remove(participant: Participant): void {
    const owner = [...this.#owners, ...this.#nodes].find((one) => one.participant === participant);
    if (owner === undefined) return;
    this.#owners = this.#owners.filter((one) => one !== owner);
    if (participant.isNode) this.#nodes.splice(this.#nodes.indexOf(owner), 1);
    this.#routes.gone(participant);
    owner.isGone = true;
    this.changed();
    for (const key of [...owner.keys]) key.ownerGone(owner, (carry) => this.#moves.soon(carry));
  }

  changed(): void {
    const willing = this.#owners.filter(({ participant, isLeaving }) => !isLeaving && !participant.isDraining);
    const up = willing.filter(({ participant }) => participant.isUp);
    const had = this.#isOwnable;
    this.#candidates = up.length > 0 ? up : willing;
    this.#isOwnable = this.#candidates.length > 0 || this.#willingNodes.length > 0;
    if (had || !this.#isOwnable) return;
    for (const key of this.#keys.values()) if (key.isParked) this.#moves.soon(() => key.carry()).catch(ignore);
  }

  take(call: Call, again = false): void {
    const known = this.#keys.get(call.key ?? '');
    try {
      if (known !== undefined) known.take(call, again);
      else this.#takeNew(call, again);
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
    // It may have left meanwhile.
    while (!(await this.#key(name).moveTo(this.#willing(participant)))) {
      const holder = this.#routes.holder(name);
      if (holder !== undefined) await this.#host.nodes?.fetch(this.name, name, holder);
    }
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
      await Promise.all([...owner.keys].map((key) => this.#moves.soon(() => key.leave(owner))));
    }
  }

  /** Whether another node, which wants to open the key in that epoch, must not: it is here, or about to be. */
  claimed(name: string, by: Participant, epoch: number): boolean {
    const key = this.#keys.get(name);
    if (key === undefined) return false;
    if (key.isClaimed) return true;
    // Of two that claim it at once the greater one gets it.
    const isAhead = this.#isAhead(key, by, epoch);
    if (!isAhead) key.beatenBy ??= by;
    return isAhead;
  }

  /** Another node hands a key over. @throws BusError `unbegun` where nobody here would own it, `ERR_QUEUE_FULL`. */
  inherit(name: string, state: unknown): void {
    if (this.#candidates.length === 0) throw new BusError(unbegun, `Nobody here owns keys of "${this.name}"`);
    this.#routes.forget(name);
    if (this.#key(name).inherit(state) || state === undefined) return;
    throw new BusError('ERR_STATE', 'This node has the key already');
  }

  /** Hands a key that is open here to another node; resolves when it is there. @throws BusError `ERR_NO_SERVICE`. */
  async give(name: string, node: Participant): Promise<void> {
    const owner = this.#nodes.find(({ participant }) => participant === node);
    if (owner === undefined) throw new BusError('ERR_NO_SERVICE', `That node takes no keys of "${this.name}"`);
    await this.#keys.get(name)?.moveTo(owner);
  }

  /** The keys that no other node may have, each with its epoch. */
  *held(): Generator<readonly [key: string, epoch: number], void, void> {
    for (const { name, epoch, isClaimed } of this.#keys.values()) if (isClaimed) yield [name, epoch];
  }

  /** Another node has the key, maybe as well: the smaller epoch yields. The one here where that is the greater. */
  meets(name: string, node: Participant, epoch: number): number | undefined {
    const key = this.#keys.get(name);
    if (key?.isClaimed !== true) return undefined;
    if (this.#isAhead(key, node, epoch)) return key.epoch;
    key.yieldTo(node).catch(ignore);
    return undefined;
  }

  /** Moves the open keys that belong elsewhere; resolves with their number. */
  async rebalance(): Promise<number> {
    let moved = 0;
    const moves: Promise<unknown>[] = [];
    for (const key of this.#keys.values()) {
      const owner = this.#home(key.hash) ?? this.#choose(key);
      if (!key.isOpen || owner === undefined || owner === key.owner) continue;
      moved += 1;
      moves.push(this.#moves.soon(() => key.moveTo(owner)));
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
    const owner = rendezvous(hash, this.#candidates) ?? rendezvous(hash, this.#willingNodes);
    this.#isOwnable = owner !== undefined;
    return owner;
  }

  get #willingNodes(): Owner[] {
    return this.#nodes.filter(({ isLeaving, weight }) => !isLeaving && weight > 0);
  }

  /** Whether the epoch of a key here is the greater one; of two that are equal the name of the node decides. */
  #isAhead(key: KeyOfOwner, node: Participant, epoch: number): boolean {
    return key.epoch === epoch ? (this.#host.nodes?.own ?? '') > node.name : key.epoch > epoch;
  }

  async #claim(key: KeyOfOwner, nodes: KeyNodes): Promise<Participant | BusError | undefined> {
    key.beatenBy = undefined;
    key.epoch = this.#host.nextEpoch();
    const asked = (): Participant[] => this.#nodes.map(({ participant }) => participant);
    return (await nodes.claim(this.name, key.name, key.epoch, asked)) ?? key.beatenBy;
  }

  /** The other node that a key belongs to; undefined where that is this one. */
  #home(hash: number): Owner | undefined {
    if (this.#nodes.length === 0) return undefined;
    const nodes = this.#willingNodes.map((owner): Candidate & { readonly owner: Owner | undefined } => {
      return { owner, hash: owner.hash, weight: owner.weight };
    });
    const { share } = this;
    if (share > 0) nodes.push({ owner: undefined, hash: this.#ownHash, weight: share });
    return rendezvous(hash, nodes)?.owner;
  }

  /** A key that is not here may be at another node. */
  #takeNew(call: Call, again: boolean): void {
    const { key: name = '' } = call;
    const node = this.#routes.of(call, again, () => this.#home(hashOf(name))?.participant);
    if (node !== undefined) this.#routes.forward(call, node);
    else this.#key(name).take(call, again);
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
}

function ignore(): void {}
