import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project; compiled files stand two folders deeper than it. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const peersFolder = join(root, 'bench', 'peers');

const requirePeer = createRequire(join(peersFolder, 'package.json'));

/** A module that was installed for the bench alone. */
export function peerModule(name: string): unknown {
  return requirePeer(name);
}

export function hasPeerModule(name: string): boolean {
  try {
    requirePeer.resolve(name);
    return true;
  } catch {
    return false;
  }
}
