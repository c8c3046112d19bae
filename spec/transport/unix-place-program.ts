import { lstatSync, readdirSync } from 'node:fs';
import { Server as NetServer } from 'node:net';
import { dirname, join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Listener } from '../../lib/transport/link.ts';
import { listen } from '../../lib/transport/listen.ts';

/** A process for the specs that listens on a socket path, as another user if told so, and says what became of it. */
interface Given {
  readonly mode: string;
  readonly path: string;
}

/** Sockets below `folder` that others may connect to: they need to get through every folder, and to write. */
function reachableIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const { mode } = lstatSync(path);
    if (entry.isDirectory()) return (mode & 0o011) === 0 ? [] : reachableIn(path);
    return entry.isSocket() && (mode & 0o022) !== 0 ? [`${entry.name} ${(mode & 0o777).toString(8)}`] : [];
  });
}

/** Looks at the folder in the very moment after each binding. */
function watchBindings(path: string): string[] {
  const seen: string[] = [];
  const { listen: original } = NetServer.prototype;
  NetServer.prototype.listen = function (this: NetServer, ...given: unknown[]): NetServer {
    const result = Reflect.apply(original, this, given) as NetServer;
    seen.push(...reachableIn(dirname(path)));
    return result;
  } as typeof original;
  return seen;
}

async function serve({ mode, path }: Given, say: (told: unknown) => void): Promise<Listener | undefined> {
  const reachable = watchBindings(path);
  const before = process.cpuUsage();
  const tell = (outcome: string): void => {
    const { user, system } = process.cpuUsage(before);
    say({ outcome, cpuMs: Math.round((user + system) / 1_000), reachable });
  };
  try {
    const listener = await listen(
      { kind: 'unix', path },
      { takeover: mode === 'takeover' },
      {
        link: (link) => {
          link.attach({ data: () => {}, drain: () => {}, close: () => {} });
          tell('a link');
        },
        error: () => {},
        mayRelease: () => false,
        replaced: () => {},
      },
    );
    reachable.push(...reachableIn(dirname(path)));
    tell('ok');
    if (isMainThread) process.once('message', () => void listener.close().then(() => tell('ok')));
    return listener;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    tell(`${String(code)} ${String(message)}`);
    return undefined;
  }
}

if (isMainThread) {
  const [mode = '', path = '', who, umask] = process.argv.slice(2);
  if (who === 'stranger') {
    process.setgroups?.([]);
    process.setgid?.(65_534);
    process.setuid?.(65_534);
  }
  if (umask) process.umask(Number.parseInt(umask, 8));
  if (mode === 'listen in a thread') {
    const worker = new Worker(new URL(import.meta.url), { workerData: { mode, path } satisfies Given });
    worker.on('message', (told) => process.send?.(told));
  } else {
    await serve({ mode, path }, (told) => process.send?.(told));
    process.on('disconnect', () => process.exit());
  }
} else {
  await serve(workerData as Given, (told) => parentPort?.postMessage(told));
}
