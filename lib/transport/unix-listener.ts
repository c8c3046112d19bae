import { codeOf } from '../base/code-of.ts';
import { chmodSync, lstatSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { type ListenOptions, type Server, createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import type { ListenEvents, Listener } from './link.ts';
import { bind, listenError } from './net-listener.ts';
import { PathLock } from './path-lock.ts';
import type { ListenSettings } from './settings.ts';
import {
  type FileIdentity,
  inUse,
  isSame,
  privateName,
  probe,
  publishNew,
  statPath,
  unlinkOwn,
} from './socket-file.ts';
import { SocketLink } from './socket-link.ts';

const lockWaitMs = 15_000;
const watchEveryMs = 250;
/** After a takeover the old queue may still hold clients that connected just before it. */
const drainMs = 100;

/**
 * Listens on a socket file that is its owner's alone from the first instant, unless `readableAll` or `writableAll` in
 * `listenOptions` open it. Rejects `ERR_ADDRESS_IN_USE` where a live server or anything but a socket is, and
 * `ERR_LISTEN` with the system's error for the rest; neither changes what stands at the path.
 */
export async function listenUnix(path: string, settings: ListenSettings, events: ListenEvents): Promise<Listener> {
  const takeover = settings.takeover === true;
  try {
    if ((await statPath(dirname(path))) === undefined) {
      const message = `listen ENOENT: no such folder ${dirname(path)}`;
      throw Object.assign(new Error(message), { code: 'ENOENT', syscall: 'listen', address: path });
    }
    if (!takeover) await probe(path);
    const lock = await PathLock.take(path, lockWaitMs, (token) => unlink(privateName(path, token)).catch(ignore)).catch(
      (error: unknown) => Promise.reject(folderError(path, error)),
    );
    if (lock === undefined) throw inUse(path, 'other servers were starting there all the time');
    try {
      return await open(path, lock, takeover, settings, events);
    } finally {
      await lock.free();
    }
  } catch (error) {
    throw error instanceof BusError ? error : listenError(`unix:${path}`, error);
  }
}

async function open(
  path: string,
  lock: PathLock,
  takeover: boolean,
  settings: ListenSettings,
  events: ListenEvents,
): Promise<Listener> {
  const before = await statPath(path);
  if (before !== undefined && !before.isSocket()) throw inUse(path, 'what stands there is no socket');
  if (!takeover) await probe(path);
  const server = createServer({ ...settings.options, allowHalfOpen: false }, (socket) => {
    events.link(new SocketLink(socket, { ...settings, kind: 'unix', remote: path }));
  });
  const own = await bindPrivate(server, privateName(path, lock.token), settings);
  try {
    if (!(await lock.held())) throw inUse(path, 'another server started meanwhile');
    if (takeover && before !== undefined) await rename(own.name, path);
    else await publishNew(own.name, path, before);
  } catch (error) {
    server.close();
    await unlink(own.name).catch(ignore);
    throw error;
  }
  return new UnixListener(server, path, own, settings.clock ?? systemClock, events);
}

/** Binds under a name nobody knows and sets the mode in the same turn, before any name that somebody knows leads here. */
async function bindPrivate(
  server: Server,
  name: string,
  settings: ListenSettings,
): Promise<FileIdentity & { name: string }> {
  const { readableAll = false, writableAll = false, backlog }: ListenOptions = settings.listenOptions ?? {};
  const bound = bind(server, { ...(backlog === undefined ? {} : { backlog }), path: name, exclusive: true });
  if (server.listening) chmodSync(name, 0o600 | (readableAll ? 0o444 : 0) | (writableAll ? 0o222 : 0));
  await bound;
  const { dev, ino } = lstatSync(name);
  return { dev, ino, name };
}

class UnixListener implements Listener {
  readonly address: string;
  readonly port = undefined;
  readonly server: Server;
  readonly #own: FileIdentity;
  readonly #clock: Clock;
  readonly #events: ListenEvents;
  #timer: Timer | undefined;
  #missing = false;
  #drained: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(server: Server, path: string, own: FileIdentity, clock: Clock, events: ListenEvents) {
    this.server = server;
    this.address = path;
    this.#own = own;
    this.#clock = clock;
    this.#events = events;
    server.on('error', (error) => events.error(listenError(`unix:${path}`, error)));
    this.#watch();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    if (this.#drained !== undefined) {
      await this.#drained;
    } else {
      // Under the lock no takeover comes between the look and the unlink. Where there is none to be had the file
      // stays: a stale one does no harm.
      const lock = await PathLock.take(this.address, 1_000, () => Promise.resolve()).catch(() => undefined);
      if (lock !== undefined) {
        unlinkOwn(this.address, this.#own);
        await lock.free();
      }
    }
    this.server.close();
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
  }

  #watch(): void {
    this.#timer = this.#clock.setTimer(() => void this.#look(), watchEveryMs, true);
  }

  async #look(): Promise<void> {
    const now = await statPath(this.address).catch(() => this.#own);
    if (this.#closing !== undefined) return;
    if (now !== undefined && !isSame(now, this.#own)) {
      // The turn after the time: a process that was busy all the while accepts its queue between the two.
      this.#drained = new Promise((resolve) => this.#clock.setTimer(() => this.#clock.defer(resolve), drainMs));
      this.#events.replaced();
      void this.close();
      return;
    }
    if (now === undefined && !this.#missing) {
      const error = new BusError(
        'ERR_LISTEN',
        `the socket file ${this.address} was removed: no client finds this server`,
      );
      this.#events.error(error);
    }
    this.#missing = now === undefined;
    this.#watch();
  }
}

/** Names the folder that takes no file, as the system's error names the lock that nobody asked for. */
function folderError(path: string, cause: unknown): BusError {
  const reason = codeOf(cause) ?? String(cause);
  return new BusError(
    'ERR_LISTEN',
    `cannot listen on unix:${path}: no file can be made in ${resolve(dirname(path))}: ${reason}`,
    { cause },
  );
}

function ignore(): void {}
