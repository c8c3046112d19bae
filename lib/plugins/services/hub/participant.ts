import { Signal } from '../../../base/wait.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import type { Member } from '../member.ts';
import type { Reach } from './reach.ts';
import { hashOf } from './rendezvous.ts';

/** A member as the hub has it. */
export class Participant {
  readonly id: string;
  readonly name: string;
  /** undefined of the hub itself. */
  readonly peer: PeerHandle | undefined;
  readonly reach: Reach;
  readonly hash: number;
  readonly services = new Set<string>();
  /** Another node's hub, which takes calls for its own members. */
  readonly isNode: boolean;
  /** What everyone sees now. */
  entry: Member;
  isUp = true;
  isDraining = false;
  /** It is not a member any more. */
  isGone = false;
  /** It learns of who comes and goes. */
  watches = false;
  /** When its last change was told, on the clock of the bus. */
  toldAt = Number.NEGATIVE_INFINITY;
  /** Calls that it answers, and keys that it has or is to have. */
  #work = 0;
  readonly #settled = new Signal();

  constructor(
    entry: Pick<Member, 'id' | 'name' | 'meta' | 'since'>,
    peer: PeerHandle | undefined,
    reach: Reach,
    isNode = false,
  ) {
    this.id = entry.id;
    this.name = entry.name;
    this.peer = peer;
    this.reach = reach;
    this.isNode = isNode;
    this.hash = hashOf(entry.name);
    this.entry = { ...entry, services: [], state: 'up' };
  }

  /** Makes the entry again. */
  refresh(meta: unknown): void {
    const { id, name, since } = this.entry;
    const state = this.isDraining ? 'draining' : this.isUp ? 'up' : 'away';
    this.entry = { id, name, services: [...this.services], meta, state, since };
  }

  begin(): void {
    this.#work += 1;
  }

  end(): void {
    this.#work -= 1;
    if (this.#work === 0 && this.#settled.isAwaited) this.#settled.wake();
  }

  /** It is gone, and has nothing to do. */
  leave(): void {
    this.isGone = true;
    this.#settled.wake();
  }

  /** Resolves when it has no call and no key, or is gone. */
  async whenIdle(): Promise<void> {
    while (this.#work > 0 && !this.isGone) await this.#settled.next();
  }
}
