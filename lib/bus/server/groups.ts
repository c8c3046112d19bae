import { BusError } from '../../base/errors.ts';
import { checkName } from '../../base/name.ts';
import type { Audience, AudienceSettings } from '../call-settings.ts';

const mostGroups = 1_000;

/** The groups of one server's members. A group is there while it has a member. */
export class Groups<Member> {
  readonly #members = new Map<string, Set<Member>>();
  readonly #joined = new Map<Member, Set<string>>();

  /** @throws BusError `ERR_INVALID_ARGUMENT` for what is not a name, `ERR_STATE` when the member is in too many groups. */
  join(member: Member, name: string): void {
    checkName('a group', name);
    const joined = this.#joined.get(member) ?? new Set();
    if (joined.has(name)) return;
    if (joined.size >= mostGroups)
      throw new BusError('ERR_STATE', `A connection can be in at most ${mostGroups} groups`);
    this.#joined.set(member, joined.add(name));
    const members = this.#members.get(name) ?? new Set();
    this.#members.set(name, members.add(member));
  }

  /** False when it was not in that group. @throws BusError `ERR_INVALID_ARGUMENT` for what is not a name. */
  leave(member: Member, name: string): boolean {
    checkName('a group', name);
    const joined = this.#joined.get(member);
    if (joined?.delete(name) !== true) return false;
    if (joined.size === 0) this.#joined.delete(member);
    this.#removed(member, name);
    return true;
  }

  /** The member is gone, and has left all groups. */
  remove(member: Member): void {
    const joined = this.#joined.get(member) ?? [];
    this.#joined.delete(member);
    for (const name of joined) this.#removed(member, name);
  }

  /** What a member has joined, in that order. */
  namesOf(member: Member): string[] {
    return [...(this.#joined.get(member) ?? [])];
  }

  /** Who has joined, in that order. */
  membersOf(name: string): ReadonlySet<Member> {
    return this.#members.get(name) ?? nobody;
  }

  /**
   * The selected ones of `all`. `isMember` says whether a value is one of the server's, which may be gone, and throws
   * for any other value.
   */
  select(
    all: Iterable<Member>,
    { to, except }: AudienceSettings<Member>,
    isMember: (member: Member) => boolean,
  ): Iterable<Member> {
    const meant = to === undefined ? all : this.#audience(to, isMember);
    if (except === undefined) return meant;
    const others = this.#audience(except, isMember);
    return [...meant].filter((member) => !others.has(member));
  }

  #audience(audience: Audience<Member>, isMember: (member: Member) => boolean): ReadonlySet<Member> {
    if (typeof audience === 'string') return this.#named(audience);
    const members = new Set<Member>();
    for (const one of isList(audience) ? audience : [audience]) {
      if (typeof one === 'string') for (const member of this.#named(one)) members.add(member);
      else if (isMember(one)) members.add(one);
    }
    return members;
  }

  #named(name: string): ReadonlySet<Member> {
    checkName('a group', name);
    return this.membersOf(name);
  }

  #removed(member: Member, name: string): void {
    const members = this.#members.get(name);
    members?.delete(member);
    if (members?.size === 0) this.#members.delete(name);
  }
}

const nobody: ReadonlySet<never> = new Set();

function isList<Member>(audience: Member | readonly (string | Member)[]): audience is readonly (string | Member)[] {
  return Array.isArray(audience);
}
