import { asBusError, BusError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';
import { withinTime } from '../../base/wait.ts';
import { travels } from '../rpc/internal.ts';
import type { Call } from './call.ts';
import { dataSize } from '../../base/data-size.ts';
import { handOver } from './hand-over.ts';
import type { KeyHost, Owner } from './owner.ts';
import { unbegun } from './protocol.ts';
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
  readonly #host: KeyHost;
  /** What the last owner left for the next one. */
  #kept: { readonly state: unknown; readonly bytes: number } | undefined;
  #waiting: WaitingCalls | undefined;
  /** Those the owner has, in their order. */
  #begun: Set<Call> | undefined;
  /** Waits for them. */
  #whenDone: (() => void) | undefined;
  /** While it goes from one owner to another, or to its first. */
  #carrying: Promise<void> | undefined;

  constructor(name: string, hash: number, host: KeyHost) {
    this.name = name;
    this.hash = hash;
    this.#host = host;
  }

  take(call: Call, again = false): void {
    if (this.isOpen && this.#waiting === undefined) {
      this.#forward(call);
      return;
    }
    this.#wait(call, again);
    if (this.isOpen || this.isParked || this.#carrying !== undefined) return;
    if (this.#waiting === undefined && this.#kept === undefined) this.#finish();
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
    return true;
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
    this.#takeBack();
    owner.participant.reach.lost(this.#host.service, this.name, this.epoch);
    // Who carries it learns of this by the answer that never comes.
    if (this.#carrying !== undefined || this.owner !== owner) return;
    this.#disown(owner);
    if (this.#waiting === undefined) soon(() => this.carry()).catch(ignore);
    else this.carry().catch(ignore);
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
    if (drops && this.#waiting === undefined) {
      this.#finish();
      return;
    }
    for (let wanted = target; ; wanted = undefined) {
      const isWanted = wanted !== undefined && !wanted.isGone && !wanted.participant.isDraining;
      const owner = isWanted ? wanted : this.#host.choose(this);
      if (owner === undefined) {
        this.#park();
        return;
      }
      if (await this.#openAt(owner)) return;
    }
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
      await reach.open(service, this.name, epoch, this.#kept?.state, host.limits.closeMs);
    } catch (error) {
      this.#disown(owner);
      if (owner.isGone) return false;
      reach.lost(service, this.name, epoch);
      const isRefused = codeOf(error) === unbegun;
      const failure = isRefused ? new BusError('ERR_NO_SERVICE') : asBusError(error, 'ERR_REMOTE');
      this.#waiting?.fail(failure);
      if (this.#kept === undefined) this.#finish();
      throw failure;
    }
    if (owner.isGone) {
      this.#disown(owner);
      reach.lost(service, this.name, epoch);
      return false;
    }
    this.#keep(undefined);
    this.isOpen = true;
    this.#flush();
    return true;
  }

  #flush(): void {
    for (let call = this.#waiting?.shift(); call !== undefined; call = this.#waiting?.shift()) this.#forward(call);
  }

  async #closeAt(owner: Owner, drops: boolean): Promise<void> {
    const { host, service } = this.#host;
    const { participant } = owner;
    const { epoch } = this;
    this.isOpen = false;
    let state: unknown;
    if (this.#begun !== undefined) await this.callsDone();
    try {
      const left = await participant.reach.close(service, this.name, epoch, host.limits.closeMs);
      if (!travels(left)) throw new BusError('ERR_UNENCODABLE', 'The state of a key must be data');
      state = left;
    } catch (error) {
      if (!owner.isGone) {
        const text = `The state of key "${this.name}" of "${service}" is lost`;
        host.report(new BusError('ERR_REMOTE', text, { cause: error }), participant);
        participant.reach.lost(service, this.name, epoch);
      }
    }
    this.#takeBack();
    this.#disown(owner);
    if (!drops && !this.#keep(state)) {
      const text = `There is no room for the state of key "${this.name}" of "${service}"`;
      host.report(new BusError('ERR_QUEUE_FULL', text), participant);
    }
  }

  /** The owner's calls have ended, or newer calls do not wait any longer. */
  callsDone(): Promise<void> {
    const { clock, limits } = this.#host.host;
    return withinTime(clock, limits.waitMs, new Promise<void>((resolve) => (this.#whenDone = resolve)));
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
    else if (this.#kept === undefined) this.#finish();
  }

  /** False where there is no room for it. */
  #keep(state: unknown): boolean {
    const { room } = this.#host;
    if (this.#kept !== undefined) room.bytes -= this.#kept.bytes;
    this.#kept = undefined;
    if (state === undefined) return true;
    const bytes = dataSize(state);
    if (!room.fits(bytes)) return false;
    room.bytes += bytes;
    this.#kept = { state, bytes };
    return true;
  }

  #wait(call: Call, again = false): void {
    const { host, room } = this.#host;
    if (this.#waiting === undefined) {
      const { clock, limits } = host;
      const waiting = new WaitingCalls(room, clock, limits.waitMs, () => {
        this.#waiting = undefined;
        if (this.isParked && this.#kept === undefined) this.#finish();
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
    if (call.isAsked) (this.#begun ??= new Set()).add(call);
    handOver(call, owner.participant, epoch, (isCurrent, failure) => {
      if (!isCurrent) return;
      this.#begun?.delete(call);
      if (this.#begun?.size === 0) this.#noneBegun();
      if (failure !== undefined) this.#failed(call, owner, epoch, failure.error);
    });
  }

  #failed(call: Call, owner: Owner, epoch: number, error: unknown): void {
    if (codeOf(error) !== unbegun) {
      call.reject(error);
      return;
    }
    if (!call.mayGoOn()) {
      call.reject(new BusError('ERR_SESSION_LOST', 'The owners of the key returned this call'));
      return;
    }
    if (this.isOver) {
      this.#host.host.again(call);
      return;
    }
    // It says that it has not got the key.
    if (this.isOpen && this.owner === owner && this.epoch === epoch && this.#carrying === undefined) {
      owner.participant.reach.lost(this.#host.service, this.name, epoch);
      this.#disown(owner);
    }
    this.#wait(call, true);
    if (this.isOpen) this.#flush();
    else if (!this.isParked) this.carry().catch(ignore);
  }

  #noneBegun(): void {
    this.#begun = undefined;
    this.#whenDone?.();
    this.#whenDone = undefined;
  }

  /** Nothing counts any more that comes from the owner: what may be begun twice waits for the next one. */
  #takeBack(): void {
    const begun = this.#begun;
    this.#noneBegun();
    for (const call of begun ?? []) {
      const lost = new BusError('ERR_SESSION_LOST', 'The owner of the key is gone');
      call.takeBack(lost);
      if (call.idempotent) this.#wait(call, true);
      else call.reject(lost);
    }
  }
}

function ignore(): void {}
