import { anything, count, listOf, object, oneOf, type Shape, text } from '../../base/shape.ts';

/** A process that takes part, as everyone can see it. A change makes another entry; one that was got stays as it is. */
export interface Member {
  /** That of its connection; the hub's is `hub`. */
  readonly id: string;
  readonly name: string;
  /** What it provides and owns, by name. */
  readonly services: readonly string[];
  /** What it says of itself. */
  readonly meta: unknown;
  /** `away`: its link is broken and its session lives; `draining`: it gets nothing new. */
  readonly state: 'up' | 'away' | 'draining';
  /** When it became a member: milliseconds since 1970. */
  readonly since: number;
}

const shape = object({
  id: text(),
  name: text(),
  services: listOf(text()),
  meta: anything,
  state: oneOf('up', 'away', 'draining'),
  since: count(),
});

/** Whether `value`, which came from a hub, is a member. */
export const isMember: Shape<Member> = (value): value is Member => shape(value);

/** The hub itself, which provides and calls too. */
export const hubId = 'hub';

export type PresenceEvent = 'join' | 'leave' | 'change';

/** What members and the hub raise. */
export interface ServicesEvents {
  /** One became a member. At a client this is heard from the first listener on. */
  join(member: Member): unknown;
  /** One is not a member any more: `closed`, `replaced`, or why its session ended. */
  leave(member: Member, reason: string): unknown;
  /** Its state, services or meta changed; changes of one turn come as one. */
  change(member: Member): unknown;
  /** This member owned the key and does so no more; comes instead of `close`. */
  lost(service: string, key: string): unknown;
  /** Something failed that concerns no call. */
  error(error: Error): unknown;
}
