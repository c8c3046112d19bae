import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { type Random, token } from '../base/random.ts';
import { codeOf } from '../base/thrown.ts';

/** A text that only processes of one user, and root, can read. */
export interface OwnSecret {
  readonly path: string;
  readonly text: string;
}

const fileName = 'inspect.key';
const secretText = /^[\w-]{44}$/;
const bytes = 44;
const othersBits = 0o077;
/** Its access lists keep others out of the folder of temporary files there. */
const isWindows = process.platform === 'win32';

/** The user that this process runs as; where the system numbers none, -1. */
const ownUid = (): number => process.geteuid?.() ?? -1;
const folderName = (uid: number): string => `busbar-${uid === -1 ? userInfo().username : uid}`;

/**
 * The secret of the user that this process runs as, made where there is none: a file of mode 0600 in a folder of mode 0700. Undefined
 * where there is no place for such a folder.
 */
export function ownSecret(random: Random): OwnSecret | undefined {
  const uid = ownUid();
  for (const base of [process.env['XDG_RUNTIME_DIR'], tmpdir()]) {
    if (base === undefined || base === '') continue;
    try {
      const folder = join(base, folderName(uid));
      makeFolder(folder, uid);
      const path = join(folder, fileName);
      return { path, text: readSecret(path, uid) ?? makeSecret(path, uid, random) };
    } catch {
      // The next place may do.
    }
  }
  return undefined;
}

/** Undefined if `path` is not a secret of that user's, or this process may not read it. */
export function secretOf(path: string, uid: number): string | undefined {
  if (basename(path) !== fileName || basename(dirname(path)) !== folderName(uid)) return undefined;
  try {
    return readSecret(path, uid);
  } catch {
    return undefined;
  }
}

/** Whose server listens at the path of a socket. @throws Error of the system's. */
export function ownerOfSocket(path: string): number {
  return isWindows ? -1 : lstatSync(path).uid;
}

/** @throws Error where it is there and somebody else may look into it. */
function makeFolder(folder: string, uid: number): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const found = lstatSync(folder);
  const isOwn = isWindows || (found.uid === uid && (found.mode & othersBits) === 0);
  if (!found.isDirectory() || !isOwn) throw new Error(`${folder} is not this user's alone`);
}

/** Undefined where there is none, or another kind of file. @throws Error of the system's. */
function readSecret(path: string, uid: number): string | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let descriptor: number;
  try {
    descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    const isOwn = isWindows || (stat.uid === uid && (stat.mode & othersBits) === 0);
    if (!stat.isFile() || !isOwn || stat.size !== bytes) return undefined;
    const held = Buffer.alloc(bytes);
    const text = held.toString('latin1', 0, readSync(descriptor, held, 0, bytes, 0));
    return secretText.test(text) ? text : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** It is there as a whole or not at all, and the same for all who make it at the same time. @throws Error. */
function makeSecret(path: string, uid: number, random: Random): string {
  const draft = `${path}.${token(random)}`;
  writeFileSync(draft, token(random) + token(random), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  const text = readSecret(path, uid);
  if (text === undefined) throw new Error(`${path} is not a secret of this user's`);
  return text;
}
