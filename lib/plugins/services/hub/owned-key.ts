import { asBusError, BusError } from '../../../base/errors.ts';
import { codeOf } from '../../../base/thrown.ts';
import { unbegun } from '../protocol.ts';
import { BegunCalls } from './begun-calls.ts';
import type { Call } from './call.ts';
import { handOver } from './hand-over.ts';
import { KeptState } from './kept-state.ts';
import type { KeyHost, Owner } from './owner.ts';
import type { Participant } from './participant.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** A key at the hub: it has one owner at a time, and what comes while it has none waits. */
export class OwnedKey {
  readonly name: string;
  readonly hash: number;
  owner: Owner | undefined;
  isOpen = false;
  /** Nobody can own it now. */
  isParked = false;
  /** Nothing is left of it: who means the key gets another of its name. */
  isOver = false;
  epoch = 0;
  /** Those its owner got in this epoch. */
  calls = 0;
  /** No other node has it. */
  isClaimed: boolean;
  beatenBy: Participant | undefined;
  readonly #host: KeyHost;
  readonly #kept: KeptState;
  #waiting: WaitingCalls | undefined;
  readonly #begun = new BegunCalls();
  /** While it goes from one owner to another, or to its first. */
  #carrying: Promise<void> | undefined;

  constructor(name: string, hash: number, host: KeyHost) {
    this.name = name;
    this.hash = hash;
    this.#host = host;
    this.isClaimed = host.claim === undefined;
    this.#kept = new KeptState(host);
  }

  take(call: Call, again = false): void {
    if (this.isOpen && this.#waiting === undefined) {
      this.#forward(call);
      return;
    }
    this.#wait(call, again);
    if (this.isOpen || this.isParked || this.#carrying !== undefined) return;
    if (this.#waiting === undefined && !this.#kept.isKept) this.#finish();
    else this.carry().catch(ignore);
  }

  /** Opens it where it belongs, unless it is on its way already. */
  carry(): Promise<void> {
    if (this.isOpen || this.isOver) return Promise.resolve();
    return this.#carrying ?? this.#begin(undefined, false);
  }

  // Each looks whether it is carried in the turn of promises in which it begins to carry it itself.

  /** Resolves with true when `owner` has it, false where nothing is left of the key. Rejects with what `open` fails with. */
  async moveTo(owner: Owner): Promise<boolean> {
    while (this.#carrying !== undefined) await this.#carrying.catch(ignore);
    if (this.isOver) return false;
    if (!this.isOpen || this.owner !== owner) await this.#begin(owner, false);
    return !this.isOver;
  }

  /** Resolves when `owner` has it no more. */
  async leave(owner: Owner): Promise<void> {
    while (this.#carrying !== undefined) await this.#carrying.catch(ignore);
    if (this.owner === owner) await this.#begin(undefined, false).catch(ignore);
  }

  /** Closes it permanently; what waits opens it again. */
  async release(): Promise<void> {
    while (this.#carrying !== undefined) await this.#carrying.catch(ignore);
    if (this.isOpen) await this.#begin(undefined, true);
  }

  /** `owner` is gone, or may own it no more; `soon` runs what opens it elsewhere. */
  ownerGone(owner: Owner, soon: (carry: () => Promise<void>) => Promise<void>): void {
    this.#takeFrom(owner);
    // Who carries it hears of this by the answer that never comes.
    if (this.#carrying !== undefined || this.owner !== owner) return;
    this.#disown(owner);
    if (this.#waiting === undefined) soon(() => this.carry()).catch(ignore);
    else this.carry().catch(ignore);
  }

  /** Another node hands it over, with its state; false where this one has it already. */
  inherit(state: unknown): boolean {
    if (this.isClaimed) return false;
    if (!this.#kept.keep(state)) throw new BusError('ERR_QUEUE_FULL', 'There is no room for the state of the key');
    this.isClaimed = true;
    this.carry().catch(ignore);
    return true;
  }

  /** Another node has it as well, whose epoch is the greater one. */
  async yieldTo(node: Participant): Promise<void> {
    while (this.#carrying !== undefined) await this.#carrying.catch(ignore);
    if (this.isOver) return;
    const { owner } = this;
    if (owner !== undefined) {
      this.#takeFrom(owner);
      this.#disown(owner);
    }
    this.#goTo(node);
  }

  close(error: BusError): void {
    this.#waiting?.fail(error);
  }

  #begin(target: Owner | undefined, drops: boolean): Promise<void> {
    const carrying = this.#carry(target, drops).finally(() => {
      this.#carrying = undefined;
      // A call may have come that found it on its way.
      if (!this.isOpen && !this.isParked && this.#waiting !== undefined) this.carry().catch(ignore);
    });
    this.#carrying = carrying;
    return carrying;
  }

  async #carry(target: Owner | undefined, drops: boolean): Promise<void> {
    this.isParked = false;
    this.#waiting?.member(true);
    if (this.isOpen && this.owner !== undefined) await this.#closeAt(this.owner, drops);
    if (drops && this.#waiting === undefined) return this.#finish();
    if (!this.isClaimed && (await this.#isElsewhere())) return;
    for (let wanted = target; ; wanted = undefined) {
      const isWanted = wanted !== undefined && !wanted.isGone && !wanted.participant.isDraining;
      const owner = isWanted ? wanted : this.#host.choose(this);
      if (owner === undefined) return this.#park();
      if (await this.#openAt(owner)) return;
    }
  }

  async #isElsewhere(): Promise<boolean> {
    const holder = await this.#host.claim?.(this);
    // It may have been given the key meanwhile.
    if (this.isClaimed) return false;
    if (holder instanceof BusError) {
      this.#waiting?.fail(holder);
      this.#finish();
      throw holder;
    }
    this.isClaimed = holder === undefined;
    if (holder !== undefined) this.#goTo(holder);
    return holder !== undefined;
  }

  /** Another node has it: what waits goes there. */
  #goTo(node: Participant): void {
    const waiting = this.#waiting;
    this.#kept.drop();
    this.#finish();
    this.#host.found(this.name, node);
    for (let call = waiting?.shift(); call !== undefined; call = waiting?.shift()) this.#host.host.again(call);
  }

  /** False where the owner was gone before it had opened the key. */
  async #openAt(owner: Owner): Promise<boolean> {
    const { host, service } = this.#host;
    const { reach } = owner.participant;
    const epoch = host.nextEpoch();
    this.epoch = epoch;
    this.calls = 0;
    this.#own(owner);
    try {
      await reach.open(service, this.name, epoch, this.#kept.state, host.limits.closeMs);
    } catch (error) {
      this.#disown(owner);
      if (owner.isGone || (owner.participant.isNode && codeOf(error) === unbegun)) {
        owner.isLeaving = true;
        return false;
      }
      reach.lost(service, this.name, epoch);
      const isRefused = codeOf(error) === unbegun;
      const failure = isRefused ? new BusError('ERR_NO_SERVICE') : asBusError(error, 'ERR_REMOTE');
      this.#waiting?.fail(failure);
      if (!this.#kept.isKept) this.#finish();
      throw failure;
    }
    if (owner.isGone || owner.participant.isNode) this.#disown(owner);
    if (owner.isGone) {
      reach.lost(service, this.name, epoch);
      return false;
    }
    this.#kept.drop();
    if (owner.participant.isNode) {
      this.#goTo(owner.participant);
      return true;
    }
    this.isOpen = true;
    this.#flush();
    return true;
  }

  #flush(): void {
    for (let call = this.#waiting?.shift(); call !== undefined; call = this.#waiting?.shift()) this.#forward(call);
  }

  async #closeAt(owner: Owner, drops: boolean): Promise<void> {
    const { clock, limits } = this.#host.host;
    this.isOpen = false;
    // Or whoever came meanwhile waits no longer.
    await this.#begun.whenDone(clock, limits.waitMs);
    await this.#kept.takeFrom(owner, this.name, this.epoch, drops);
    this.#takeBack();
    this.#disown(owner);
  }

  #finish(): void {
    this.isOver = true;
    this.#host.over(this);
  }

  #own(owner: Owner): void {
    this.owner = owner;
    owner.keys.add(this);
    owner.participant.begin();
  }

  #disown(owner: Owner): void {
    this.isOpen = false;
    if (this.owner !== owner) return;
    this.owner = undefined;
    owner.keys.delete(this);
    owner.participant.end();
  }

  #park(): void {
    this.isParked = true;
    if (this.#waiting !== undefined) this.#waiting.member(false);
    else if (!this.#kept.isKept) this.#finish();
  }

  #wait(call: Call, again = false): void {
    const { host, room } = this.#host;
    if (this.#waiting === undefined) {
      const { clock, limits } = host;
      const waiting = new WaitingCalls(room, clock, limits.waitMs, () => {
        this.#waiting = undefined;
        if (this.isParked && !this.#kept.isKept) this.#finish();
      });
      this.#waiting = waiting;
      if (this.isParked) waiting.member(false);
    }
    this.#waiting.add(call, again);
    if (this.#waiting?.size === 0) this.#waiting = undefined;
  }

  #forward(call: Call): void {
    const { owner, epoch } = this;
    if (owner === undefined || call.isOver) return;
    this.calls += 1;
    if (call.isAsked) this.#begun.add(call);
    handOver(call, owner.participant, epoch, (isCurrent, failure) => {
      if (!isCurrent) return;
      this.#begun.delete(call);
      if (failure !== undefined) this.#failed(call, owner, epoch, failure.error);
    });
  }

  #failed(call: Call, owner: Owner, epoch: number, error: unknown): void {
    if (codeOf(error) !== unbegun) return call.reject(error);
    if (!call.mayGoOn()) {
      return call.reject(new BusError('ERR_SESSION_LOST', 'The owners of the key returned this call'));
    }
    if (this.isOver) return this.#host.host.again(call);
    // It says that it has not got the key.
    if (this.isOpen && this.owner === owner && this.epoch === epoch && this.#carrying === undefined) {
      owner.participant.reach.lost(this.#host.service, this.name, epoch);
      this.#disown(owner);
    }
    this.#wait(call, true);
    if (this.isOpen) this.#flush();
    else if (!this.isParked) this.carry().catch(ignore);
  }

  #takeFrom({ participant }: Owner): void {
    this.#takeBack();
    participant.reach.lost(this.#host.service, this.name, this.epoch);
  }

  /** Nothing counts any more that comes from the owner: what may be begun twice waits for the next one. */
  #takeBack(): void {
    for (const call of this.#begun.take()) {
      const lost = new BusError('ERR_SESSION_LOST', 'The owner of the key is gone');
      call.takeBack(lost);
      if (call.idempotent) this.#wait(call, true);
      else call.reject(lost);
    }
  }
}

function ignore(): void {}
