import { fstatSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

/** A listening socket that systemd has started this process with. */
interface Activated {
  readonly descriptor: number;
  readonly inode: string;
}

const first = 3;
const most = 1_000;
const listening = '0A';
/** One list for the process, however often this module is loaded. */
const key: unique symbol = Symbol.for('busbar.activated');
const inProcess = globalThis as { [key]?: Activated[] };

/** The descriptor of the socket of that TCP port, or at that path; once, as who takes it closes it. */
export function activated(where: { readonly port?: unknown; readonly path?: unknown }): number | undefined {
  const sockets = (inProcess[key] ??= taken());
  if (sockets.length === 0) return undefined;
  const inodes = typeof where.path === 'string' ? inodesAt(where.path) : inodesOf(Number(where.port));
  const index = sockets.findIndex(({ inode }) => inodes.has(inode));
  return index === -1 ? undefined : sockets.splice(index, 1)[0]?.descriptor;
}

/** The variables are for this process alone, and go, so that none that is started from here takes them for its own. */
function taken(): Activated[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = process.env;
  if (!isMainThread || pid !== String(process.pid) || count === undefined) return [];
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name];
  const found: Activated[] = [];
  for (let descriptor = first; descriptor < first + Math.min(Number(count), most); descriptor++) {
    try {
      const stat = fstatSync(descriptor);
      if (stat.isSocket()) found.push({ descriptor, inode: String(stat.ino) });
    } catch {
      // It is none.
    }
  }
  return found;
}

function inodesAt(path: string): Set<string> {
  const names = new Set([resolve(path)]);
  try {
    names.add(join(realpathSync(dirname(path)), basename(path)));
  } catch {
    // There is no such folder.
  }
  const found = new Set<string>();
  for (const line of rows('unix')) {
    const [, inode, name] = /^\S+: \S+ \S+ \S+ \S+ \S+ +(\d+) (.*)$/.exec(line) ?? [];
    if (inode !== undefined && name !== undefined && names.has(name)) found.add(inode);
  }
  return found;
}

function inodesOf(port: number): Set<string> {
  const found = new Set<string>();
  for (const line of [...rows('tcp'), ...rows('tcp6')]) {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    if (inode !== undefined && state === listening && Number.parseInt(local.split(':')[1] ?? '', 16) === port)
      found.add(inode);
  }
  return found;
}

function rows(table: string): string[] {
  try {
    return readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n');
  } catch {
    return [];
  }
}
