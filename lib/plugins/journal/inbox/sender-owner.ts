import { isName } from '../../../base/name.ts';
import type { Connection } from '../../../bus/node-server.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';

/** Whose the journal of a client is, by the `Connection` that it has; undefined where nobody knows. */
export type JournalOwner = (connection: Connection) => string | undefined | PromiseLike<string | undefined>;

/** Who a peer is: as the program says, which its journals are bound to, or where it is, or nothing. */
export type SenderOwner = `=${string}` | `@${string}` | undefined;

/** Links over which there are others than the user that this process runs as. */
const farAway: readonly (string | undefined)[] = ['tcp', 'tls', 'websocket'];

/** Asks the program, where it says so. Rejects with what that fails with, and a TypeError where it says nothing sensible. */
export async function senderOwnerOf(peer: PeerHandle, ask: JournalOwner | undefined): Promise<SenderOwner> {
  const owner: unknown = await ask?.(peer as Connection);
  if (isName(owner)) return `=${owner}`;
  if (owner !== undefined) throw new TypeError('The owner of a journal is a string of 1 to 256 bytes');
  const address = farAway.includes(peer.linkKind) ? peer.remoteAddress : undefined;
  return address === undefined ? undefined : `@${address}`;
}

/** What journals are bound to; undefined where that is nothing. */
export function bindingOf(owner: string | undefined): string | undefined {
  return owner?.startsWith('=') === true ? owner : undefined;
}
