import { codeOf } from '../base/thrown.ts';
import { rename } from 'node:fs/promises';
import { type Server, createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import { activated } from './activation.ts';
import type { ListenEvents, Listener } from './link.ts';
import { bind, listenError } from './net-listener.ts';
import { PathLock } from './path-lock.ts';
import {
  bindPrivate,
  privatePlace,
  removePrivate,
  type FileIdentity,
  inUse,
  isSame,
  mayReach,
  probe,
  publishNew,
  statPath,
  unlinkOwn,
} from './socket-file.ts';
import type { ListenSettings } from './settings.ts';
import { acceptedLink } from './socket-link.ts';
import { Succession } from './succession.ts';

const lockWaitMs = 15_000;
/** For what a listener does by the way. */
const shortLockWaitMs = 1_000;
const watchEveryMs = 250;
/** After a takeover the old queue may still hold clients that connected just before it. */
const drainMs = 100;

/**
 * Listens on a socket file that is its owner's alone from the first instant, unless `readableAll` or `writableAll` in
 * `listenOptions` open it. Rejects with `ERR_ADDRESS_IN_USE` where a live server or anything but a socket is, also
 * to take over from a server that this process may not reach, and `ERR_LISTEN` with the system's error for the rest;
 * neither changes what stands at the path.
 */
export async function listenUnix(path: string, settings: ListenSettings, events: ListenEvents): Promise<Listener> {
  const takeover = settings.takeover === true;
  try {
    const fd = activated({ path });
    if (fd !== undefined) return await listenActivated(path, fd, settings, events);
    if ((await statPath(dirname(path))) === undefined) {
      const message = `listen ENOENT: no such folder ${dirname(path)}`;
      throw Object.assign(new Error(message), { code: 'ENOENT', syscall: 'listen', address: path });
    }
    if (!takeover) await probe(path);
    const lock = await takeLock(path, lockWaitMs).catch((error: unknown) => Promise.reject(folderError(path, error)));
    if (lock === undefined) throw inUse(path, 'other servers kept starting there');
    try {
      return await open(path, lock, takeover, settings, events);
    } finally {
      await lock.free();
    }
  } catch (error) {
    throw error instanceof BusError ? error : listenError(`unix:${path}`, error);
  }
}

/** A socket of systemd's, which keeps the file. */
async function listenActivated(
  path: string,
  fd: number,
  settings: ListenSettings,
  events: ListenEvents,
): Promise<Listener> {
  const server = makeServer(path, settings, events);
  await bind(server, { fd, exclusive: true });
  server.on('error', (error) => events.error(listenError(`unix:${path}`, error)));
  const close = (): Promise<void> => {
    server.close();
    return new Promise((resolve) => setImmediate(resolve));
  };
  return { address: path, port: undefined, server, close };
}

function makeServer(path: string, settings: ListenSettings, events: ListenEvents): Server {
  return createServer({ ...settings.options, allowHalfOpen: false }, (socket) => {
    events.link(acceptedLink(socket, { ...settings, kind: 'unix', remote: path }, events));
  });
}

async function open(
  path: string,
  lock: PathLock,
  takeover: boolean,
  settings: ListenSettings,
  events: ListenEvents,
): Promise<Listener> {
  const before = await statPath(path);
  if (before !== undefined && !before.isSocket()) throw inUse(path, 'the file there is not a socket');
  if (takeover && before !== undefined) await mayReach(path);
  else await probe(path);
  const make = (): Server => makeServer(path, settings, events);
  const bound = await bindAt(path, lock, make(), settings, (from) =>
    takeover && before !== undefined ? rename(from, path) : publishNew(from, path, before),
  );
  return new UnixListener(path, bound, make, settings, events);
}

/** A server, and the file it listens on. */
interface Bound {
  readonly server: Server;
  readonly file: FileIdentity;
}

/** Binds `server` in private, and gives it its name by `publish` while the lock is ours. */
async function bindAt(
  path: string,
  lock: PathLock,
  server: Server,
  settings: ListenSettings,
  publish: (from: string) => Promise<void>,
): Promise<Bound> {
  const file = await bindPrivate(server, privatePlace(path, lock.token), settings.listenOptions);
  try {
    if (!(await lock.held())) throw inUse(path, 'another server started in the meantime');
    await publish(file.place.socket);
    return { server, file };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await removePrivate(file.place);
  }
}

function takeLock(path: string, waitMs: number): Promise<PathLock | undefined> {
  return PathLock.take(path, waitMs, (token) => removePrivate(privatePlace(path, token)));
}

class UnixListener implements Listener {
  readonly address: string;
  readonly port = undefined;
  readonly #make: () => Server;
  readonly #settings: ListenSettings;
  readonly #clock: Clock;
  readonly #events: ListenEvents;
  readonly #succession: Succession;
  #bound: Bound;
  #timer: Timer | undefined;
  /** What was reported, until the path is ours again. */
  #reported: string | undefined;
  #drained: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(path: string, bound: Bound, make: () => Server, settings: ListenSettings, events: ListenEvents) {
    this.address = path;
    this.#bound = bound;
    this.#make = make;
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.#events = events;
    this.#succession = new Succession(path, this.#clock);
    this.#adopt(bound);
    this.#watch();
  }

  get server(): Server {
    return this.#bound.server;
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
      const lock = await takeLock(this.address, shortLockWaitMs).catch(() => undefined);
      if (lock !== undefined) {
        unlinkOwn(this.address, this.#bound.file);
        await lock.free();
      }
    }
    this.server.close();
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
  }

  #adopt(bound: Bound): void {
    this.#bound = bound;
    bound.server.on('error', (error) => this.#events.error(listenError(`unix:${this.address}`, error)));
  }

  #watch(): void {
    this.#timer = this.#clock.setTimer(() => void this.#look(), watchEveryMs, true);
  }

  async #look(): Promise<void> {
    const now = await statPath(this.address).catch(() => this.#bound.file);
    if (isSame(now, this.#bound.file)) {
      this.#succession.clear();
      this.#reported = undefined;
    } else if (now === undefined && !this.#succession.isOpen) {
      this.#report(`the socket file ${this.address} was removed: clients cannot find this server`);
    } else if (this.#closing === undefined) {
      await this.#follow(now);
    }
    if (this.#closing === undefined) this.#watch();
  }

  /** Another server took the path: hands over to it, or takes the path back if it is not there any more. */
  async #follow(now: FileIdentity | undefined): Promise<void> {
    const outcome = await this.#succession.look(now);
    if (this.#closing !== undefined || outcome === 'waits') return;
    if (outcome === 'failed') {
      await this.#takeBack(now).catch((error: unknown) =>
        this.#report(`the server that took ${this.address} over is gone, and the path cannot be recovered`, error),
      );
      return;
    }
    this.#drained = this.#drain();
    this.#events.replaced();
    void this.close();
  }

  /** Listens once more, since a socket that lost its name gets none again; `failed` is what may be replaced. */
  async #takeBack(failed: FileIdentity | undefined): Promise<void> {
    const path = this.address;
    const lock = await takeLock(path, shortLockWaitMs);
    if (lock === undefined) return;
    try {
      const now = await statPath(path);
      if (this.#closing !== undefined || (now !== undefined && !isSame(failed, now))) return;
      const before = this.server;
      this.#adopt(await bindAt(path, lock, this.#make(), this.#settings, (from) => rename(from, path)));
      this.#succession.clear();
      void this.#drain().then(() => before.close());
    } finally {
      await lock.free();
    }
  }

  /** The turn after the time: a process that was busy all the while accepts its queue between the two. */
  #drain(): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(() => this.#clock.defer(resolve), drainMs));
  }

  /** Once for each thing that is wrong. */
  #report(message: string, cause?: unknown): void {
    if (this.#reported === message) return;
    this.#reported = message;
    this.#events.error(new BusError('ERR_LISTEN', message, cause === undefined ? {} : { cause }));
  }
}

/** Names the folder that takes no file, as the system's error names the lock that nobody asked for. */
function folderError(path: string, cause: unknown): BusError {
  if (cause instanceof BusError) return cause;
  const reason = codeOf(cause) ?? String(cause);
  return new BusError(
    'ERR_LISTEN',
    `Cannot listen on unix:${path}: no file can be made in ${resolve(dirname(path))}: ${reason}`,
    { cause },
  );
}
