import type { Clock } from '../../../../base/clock.ts';
import { BusError } from '../../../../base/errors.ts';
import type { WorldLane } from '../../../cluster/index.ts';
import type { Member } from '../../member.ts';
import type { Caller } from '../call.ts';
import { Participant } from '../participant.ts';
import { NodeReach } from './node-reach.ts';

/** A member of another node's hub. */
interface OtherMember extends Caller {
  entry: Member;
  isGone: boolean;
}

/** The hub of another node, as it said what it has. */
export class OtherHub {
  readonly node: string;
  readonly reach: NodeReach;
  /** The node as a member of this hub, which nobody sees. */
  readonly participant: Participant;
  /** It said all, or has none. */
  isKnown = false;
  readonly #members = new Map<string, OtherMember>();

  constructor(node: string, lane: WorldLane, clock: Clock) {
    this.node = node;
    this.reach = new NodeReach(node, lane, clock);
    this.participant = new Participant(
      { id: node, name: node, meta: undefined, since: 0 },
      undefined,
      this.reach,
      true,
    );
  }

  get members(): Iterable<OtherMember> {
    return this.#members.values();
  }

  /** Those who offer a service. */
  offering(service: string): Member[] {
    return Array.from(this.#members.values(), ({ entry }) => entry).filter(({ services }) =>
      services.includes(service),
    );
  }

  /** The entry as it is seen here. */
  seen(member: Member): Member {
    return { ...member, id: `${this.node}/${member.id}` };
  }

  /** What is seen of it now; true where it is new. */
  set(member: Member): boolean {
    const known = this.#members.get(member.id);
    if (known !== undefined) known.entry = this.seen(member);
    else this.#members.set(member.id, { entry: this.seen(member), isGone: false });
    return known === undefined;
  }

  delete(id: string): OtherMember | undefined {
    const member = this.#members.get(id);
    this.#members.delete(id);
    if (member !== undefined) member.isGone = true;
    return member;
  }

  /** @throws BusError `ERR_PROTOCOL` for a member that the node did not announce. */
  caller(id: string): Caller {
    const caller = this.#members.get(id);
    if (caller === undefined) throw new BusError('ERR_PROTOCOL', 'The node did not say who calls');
    return caller;
  }
}
