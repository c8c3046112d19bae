import { basename, dirname, resolve } from 'node:path';
import { BusError } from '../../../base/errors.ts';
import { type LogFiles, pathIn } from '../log/files.ts';
import { isId } from './lane-messages.ts';
import { RecordKind } from './message-record.ts';

/** What a folder has: messages to a peer, or what came from peers. Who takes one for the other would remove what waits in it. */
type Content = 'outbox' | 'inbox';

/** A record of another kind than those of that content. */
export function strangeRecord(kind: number | undefined, expected: Content): TypeError {
  const isOutbox = kind === RecordKind.message || kind === RecordKind.taken;
  const isInbox = !isOutbox && Object.values<number | undefined>(RecordKind).includes(kind);
  const found = isOutbox
    ? 'messages to a peer'
    : isInbox
      ? 'messages that were received'
      : 'records of another program';
  const wanted = expected === 'outbox' ? 'messages to a peer' : 'messages that were received';
  return new TypeError(`it has ${found}, and is used for ${wanted}: each client and each server needs its own folder`);
}

/** Rejects with `ERR_JOURNAL` where the folder of a client is that of a server, or is in one. */
export async function checkClientFolder(files: LogFiles, folder: string): Promise<void> {
  const path = resolve(folder);
  if (isId(basename(path)) && basename(dirname(path)) === 'peers') {
    throw otherFolder(folder, 'has what a server sends to one of its clients');
  }
  const names = await files.list(pathIn(folder, 'peers')).catch(() => []);
  if (names.some(isId)) throw otherFolder(folder, 'belongs to a server, which has messages for clients in it');
}

/** Rejects with `ERR_JOURNAL` where the folder of a server is that of a client, or is in one. */
export async function checkServerFolder(files: LogFiles, folder: string): Promise<void> {
  if (await isClientFolder(files, folder)) throw otherFolder(folder, 'belongs to a client');
  const path = resolve(folder);
  if (basename(path) === 'inbox' && (await isClientFolder(files, dirname(path)))) {
    throw otherFolder(folder, 'has what came to a client');
  }
}

/** Clients have an id before anything is written. What cannot be read here rejects when the folder is opened. */
async function isClientFolder(files: LogFiles, folder: string): Promise<boolean> {
  return isId(await files.text(pathIn(folder, 'id')).catch(() => undefined));
}

function otherFolder(folder: string, what: string): BusError {
  return new BusError('ERR_JOURNAL', `The folder ${folder} ${what}: each client and each server needs its own folder`);
}
