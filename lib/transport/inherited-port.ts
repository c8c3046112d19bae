import { fstatSync } from 'node:fs';
import process from 'node:process';

/** The variable by which a process knows of the listening sockets it was started with. */
export const inheritedVariable = 'BUSBAR_LISTEN';

/** What stands there of one socket: `inode` is that of the socket, which is the same in all processes that have it. */
export function inheritedEntry(port: number, descriptor: number, inode: number): string {
  return `${port}=${descriptor}:${inode}`;
}

const entryForm = /^(\d+)=(\d+):(\d+)$/;

/** The descriptor of the listening socket of `port` that this process was started with; once, as who takes it closes it. */
export function inheritedPort(port: unknown): number | undefined {
  const entries = process.env[inheritedVariable]?.split(',') ?? [];
  for (const [index, entry] of entries.entries()) {
    const [, itsPort, descriptor, inode] = entryForm.exec(entry) ?? [];
    if (itsPort === undefined || Number(itsPort) !== Number(port)) continue;
    const others = entries.filter((_, other) => other !== index);
    if (others.length > 0) process.env[inheritedVariable] = others.join(',');
    else delete process.env[inheritedVariable];
    return isSocket(Number(descriptor), Number(inode)) ? Number(descriptor) : undefined;
  }
  return undefined;
}

/** The variable continues to who is started from here, and descriptors do not. */
function isSocket(descriptor: number, inode: number): boolean {
  try {
    const found = fstatSync(descriptor);
    return found.isSocket() && found.ino === inode;
  } catch {
    return false;
  }
}
