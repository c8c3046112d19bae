import { BusError } from '../../../base/errors.ts';
import { checkName } from '../../../base/name.ts';
import { checkSettings } from '../../../base/options.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';

/** Who is meant: a group by its name, a client by its id in the world, a connection of the own server, or a list of them. */
export type WorldMember = string | Pick<PeerHandle, 'id'>;
export type WorldAudience = WorldMember | readonly WorldMember[];

/** To whom of all clients of the world something goes: `to` without `except`. */
export interface WorldAudienceSettings {
  /** All clients of all nodes by default. */
  readonly to?: WorldAudience | undefined;
  readonly except?: WorldAudience | undefined;
}

/** The same as it travels: names of groups and ids of the world; null where it is not given. */
export interface Audience {
  readonly to: readonly string[] | null;
  readonly except: readonly string[] | null;
}

/** Limit of a connection's id, in characters. */
export const longestId = 256;
/** Limit of each of `to` and `except`. */
export const mostMembers = 100_000;

export const audienceNames = ['to', 'except'];

/** The node and the connection of an id of the world; undefined for invalid data. */
export function partsOf(id: string): { readonly node: string; readonly connection: string } | undefined {
  const slash = id.indexOf('/');
  return slash < 1 ? undefined : { node: id.slice(0, slash), connection: id.slice(slash + 1) };
}

/** Reads `{ to, except }`. `idOf` gives the id of what is not a text. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function readAudience(
  call: string,
  names: readonly string[],
  settings: WorldAudienceSettings,
  idOf: (member: Pick<PeerHandle, 'id'>) => string,
): Audience {
  checkSettings(`${call} takes`, names, settings);
  const read = (audience: WorldAudience | undefined): readonly string[] | null => {
    if (audience === undefined) return null;
    const members: readonly WorldMember[] = isList(audience) ? audience : [audience];
    if (members.length > mostMembers) {
      throw new BusError('ERR_INVALID_ARGUMENT', `${call} takes at most ${mostMembers} members`);
    }
    return members.map((member) => {
      if (typeof member === 'object' && member !== null) return idOf(member);
      checkName('a group', member);
      return member;
    });
  };
  return { to: read(settings.to), except: read(settings.except) };
}

/** Those of `audience` that one node has to look at: its own clients, and groups. */
export interface NodeAudience {
  readonly to?: readonly (string | PeerHandle)[];
  readonly except?: readonly (string | PeerHandle)[];
}

/** `isNode` says whether a name is a node's: what has another one before its slash is the name of a group. */
export function audienceAt(
  node: string,
  { to, except }: Audience,
  isNode: (name: string) => boolean,
  byId: (connection: string) => PeerHandle | undefined,
): NodeAudience {
  const those = (members: readonly string[]): (string | PeerHandle)[] =>
    members.flatMap((member): (string | PeerHandle)[] => {
      const parts = partsOf(member);
      if (parts === undefined || !isNode(parts.node)) return [member];
      const peer = parts.node === node ? byId(parts.connection) : undefined;
      return peer === undefined ? [] : [peer];
    });
  return { ...(to !== null && { to: those(to) }), ...(except !== null && { except: those(except) }) };
}

export function noSuchClient(id: string): BusError {
  return new BusError('ERR_NO_MEMBER', `There is no client "${id}"`);
}

const isList = (audience: WorldAudience): audience is readonly WorldMember[] => Array.isArray(audience);
