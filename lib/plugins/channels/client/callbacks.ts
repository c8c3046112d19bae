import { BusError } from '../../../base/errors.ts';
import { callback } from '../../../base/options.ts';
import type { OwnerEnd } from '../ends/owner-end.ts';
import type { StreamMode } from '../ends/stream-reader.ts';
import type { UserEnd } from '../ends/user-end.ts';
import type { Reason } from '../reason.ts';

/** An owner's listeners given as options, in the style of peote-net; `onCreate` comes first. */
export interface OwnerCallbacks {
  readonly onCreate?: ((owner: OwnerEnd) => unknown) | undefined;
  readonly onUserConnect?: ((owner: OwnerEnd, user: number) => unknown) | undefined;
  readonly onUserDisconnect?: ((owner: OwnerEnd, user: number, reason: Reason) => unknown) | undefined;
  readonly onData?: ((owner: OwnerEnd, user: number, bytes: Uint8Array) => unknown) | undefined;
  readonly onDataChunk?: ((owner: OwnerEnd, user: number, bytes: Uint8Array) => unknown) | undefined;
  readonly onRemote?: ((owner: OwnerEnd, user: number, remote: number) => unknown) | undefined;
  /** `user` is -1 when it concerns the channel, also for a create that was refused. */
  readonly onError?: ((owner: OwnerEnd, user: number, reason: Reason) => unknown) | undefined;
}

/** A user's listeners given as options; `onEnter` comes first. */
export interface UserCallbacks {
  readonly onEnter?: ((user: UserEnd) => unknown) | undefined;
  readonly onData?: ((user: UserEnd, bytes: Uint8Array) => unknown) | undefined;
  readonly onDataChunk?: ((user: UserEnd, bytes: Uint8Array) => unknown) | undefined;
  readonly onRemote?: ((user: UserEnd, remote: number) => unknown) | undefined;
  readonly onDisconnect?: ((user: UserEnd, reason: Reason) => unknown) | undefined;
  /** Also for an enter that was refused. */
  readonly onError?: ((user: UserEnd, reason: Reason) => unknown) | undefined;
}

const row = callback<(...args: never) => unknown>();

export const ownerCallbackTable = {
  onCreate: row,
  onUserConnect: row,
  onUserDisconnect: row,
  onData: row,
  onDataChunk: row,
  onRemote: row,
  onError: row,
};

export const userCallbackTable = {
  onEnter: row,
  onData: row,
  onDataChunk: row,
  onRemote: row,
  onDisconnect: row,
  onError: row,
};

/** Whether nothing says how the bytes of a joint peer are to be read. */
export function isUndecided({ mode, onData, onDataChunk }: Ambiguous): boolean {
  return mode === undefined && onData !== undefined && onDataChunk !== undefined;
}

interface Ambiguous {
  readonly mode?: StreamMode | undefined;
  readonly onData?: unknown;
  readonly onDataChunk?: unknown;
}

/** Towards joint peers, whose bytes do not say what they are, the two callbacks exclude each other, as in peote-net. */
export function undecided(): BusError {
  const text = 'Joint peers need either "onData" or "onDataChunk", or "mode"';
  return new BusError('ERR_INVALID_OPTION', text);
}

export function addOwnerCallbacks(owner: OwnerEnd, given: OwnerCallbacks & Ambiguous): void {
  if (isUndecided(given)) {
    owner.on('userConnect', (user) => {
      if (owner.users.get(user)?.joint !== true) return;
      owner.kick(user, 'undecided mode');
      throw undecided();
    });
  }
  const { onUserConnect, onUserDisconnect, onData, onDataChunk, onRemote, onError } = given;
  if (onUserConnect !== undefined) owner.on('userConnect', (user) => onUserConnect(owner, user));
  if (onUserDisconnect !== undefined)
    owner.on('userDisconnect', (user, reason) => onUserDisconnect(owner, user, reason));
  if (onData !== undefined) owner.on('data', (bytes, user) => onData(owner, user, bytes));
  if (onDataChunk !== undefined) owner.on('chunk', (bytes, user) => onDataChunk(owner, user, bytes));
  if (onRemote !== undefined) owner.on('remote', (remote, user) => onRemote(owner, user, remote));
  if (onError !== undefined) owner.on('error', (reason, user) => onError(owner, user ?? -1, reason));
}

export function addUserCallbacks(user: UserEnd, given: UserCallbacks): void {
  const { onData, onDataChunk, onRemote, onDisconnect, onError } = given;
  if (onData !== undefined) user.on('data', (bytes) => onData(user, bytes));
  if (onDataChunk !== undefined) user.on('chunk', (bytes) => onDataChunk(user, bytes));
  if (onRemote !== undefined) user.on('remote', (remote) => onRemote(user, remote));
  if (onDisconnect !== undefined) user.on('disconnect', (reason) => onDisconnect(user, reason));
  if (onError !== undefined) user.on('error', (reason) => onError(user, reason));
}

/** The mode that the callbacks speak for: with one of them that one, as in peote-net; with none the first listener decides. */
export function modeOf(given: { readonly onData?: unknown; readonly onDataChunk?: unknown }): StreamMode | undefined {
  if (given.onData !== undefined) return 'data';
  return given.onDataChunk === undefined ? undefined : 'chunk';
}
