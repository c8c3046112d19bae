import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../../lib/index.ts';
import { acceptHello } from '../../lib/wire/handshake/refusal.ts';
import { stopwatch, waitedForCoreMs } from '../support/stopwatch.ts';
import { hello, offer, Stranger } from '../support/stranger.ts';
import { frame as webFrame, handshake } from '../plugins/gateway/websocket-client.ts';
import type { Entry, Flood } from './flood.ts';
import type { Harm, Ports } from './victim.ts';

/** What one flood did, at worst. */
export interface Cell extends Harm {
  /** What an honest client's ping took at worst meanwhile; undefined where the victim is a client. */
  readonly pingMs: number | undefined;
}

/** What one may do beside what it is sent. */
export const mostSpareMiB = 32;
/** 100 ms where the limits were chosen, half as much again on slower machines. */
export const mostHeldMs = 150;
export const mostPingMs = 250;
export const mostDescriptors = 60;
/** How often a cell is measured that is over a bound, and one for which the victim had to wait. */
const attempts = 3;
const excusedAttempts = 8;
/** For so long in all, a victim's threads wait for a core where nothing else is done. */
const longestWaitMs = 100;
const fewestPings = 12;
/** Whoever takes nothing for so long has stopped to read. */
const stuckMs = 200;
/** What a WebSocket frame with a length of two bytes takes. */
const pieceBytes = 65_535;

const hellos: Partial<Record<Entry, Buffer>> = {
  unix: hello({ busbar: offer }),
  tcp: hello({ busbar: offer }),
  tls: hello({ busbar: offer }),
  page: webFrame(2, hello({ busbar: offer })),
  'page, bytes of WebSocket': webFrame(2, hello({ busbar: offer })),
  'native deflate': hello({ compress: true, busbar: offer }),
  'net-ipc': hello(),
  'net-ipc deflate': hello({ compress: true }),
};

/** Victims, each in a process of its own, an honest client of the first, and a server that floods whoever comes. */
export class Arena {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bb-'));
  readonly #path = join(this.#folder, 'bus');
  readonly #trap = join(this.#folder, 'trap');
  #server!: ChildProcess;
  #ports: Partial<Ports> = {};
  #honest!: Client;
  #hostile!: NetServer;
  #came: (socket: Socket) => void = () => {};
  /** Whether the trap speaks the native dialect. */
  #isNative = true;
  #sessions = 0;

  async open(): Promise<this> {
    this.#hostile = createServer((socket) => this.#catch(socket)).listen(this.#trap);
    await once(this.#hostile, 'listening');
    [this.#server, this.#ports] = await this.#victim('server', this.#path);
    this.#honest = await new Client({ path: this.#path }).connect();
    return this;
  }

  async close(): Promise<void> {
    await this.#honest.close();
    await kill(this.#server);
    await new Promise((resolve) => this.#hostile.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }

  suffer(flood: Flood, bytes: number): Promise<Cell> {
    const made = flood.make(bytes);
    return leastOf(flood.limitMiB, () => this.#attempt(flood.entry, made));
  }

  /** Peers that are admitted and gone, some of which leave their session behind. */
  comeAndGo(count: number, limitMiB: number): Promise<Cell> {
    return leastOf(limitMiB, async () => {
      await begin(this.#server);
      return this.#meanwhile(async () => {
        for (let at = 0; at < count; at++) {
          const peer = await Stranger.at({ path: this.#path });
          peer.send(hello({ busbar: offer }));
          if (at % 2 === 0) await once(peer.socket, 'data');
          peer.socket.destroy();
        }
      });
    });
  }

  /** Admitted peers that answer nothing, every other of which reads nothing either, while all are told and asked something. */
  ignoreAll(peers: number, tell: number, limitMiB: number): Promise<Cell> {
    return leastOf(limitMiB, () => this.#ignored(peers, tell));
  }

  async #ignored(peers: number, tell: number): Promise<Cell> {
    const silent: Stranger[] = [];
    for (let at = 0; at < peers; at++) {
      const peer = await Stranger.at({ path: this.#path });
      peer.send(hello({ busbar: offer }));
      await once(peer.socket, 'data');
      if (at % 2 === 0) peer.socket.pause();
      silent.push(peer);
    }
    await begin(this.#server);
    const cell = await this.#meanwhile(async () => {
      for (let at = 0; at < tell; at++) {
        await this.#honest.request({ tell: 'x'.repeat(10_000) });
        if (at % 10 === 0) await this.#honest.request({ ask: 'are you there?' });
      }
    });
    for (const peer of silent) peer.socket.destroy();
    return cell;
  }

  async #attempt(entry: Entry, bytes: Buffer): Promise<Cell> {
    if (entry.startsWith('hostile')) return this.#trapped(entry, bytes);
    const peer = await Stranger.at(this.#door(entry));
    if (entry.startsWith('page')) {
      peer.send(handshake('/bus'));
      await once(peer.socket, 'data');
    }
    const words = hellos[entry];
    if (words !== undefined) {
      peer.send(words);
      await once(peer.socket, 'data');
    }
    peer.socket.pause();
    await begin(this.#server);
    const cell = await this.#meanwhile(() => taken(peer.socket, bytes, entry === 'page'));
    peer.socket.destroy();
    await peer.closed;
    return cell;
  }

  /** What an honest client's ping takes while `work` is done, and a little longer. */
  async #meanwhile(work: () => Promise<void>): Promise<Cell> {
    let isDone = false;
    const done = work().finally(() => {
      isDone = true;
    });
    let pingMs = 0;
    for (let turn = 0; turn < fewestPings || !isDone; turn++) {
      const time = stopwatch();
      const waited = waitedForCoreMs(this.#server.pid);
      await this.#honest.ping(undefined, 10_000);
      pingMs = Math.max(pingMs, time() - (waitedForCoreMs(this.#server.pid) - waited));
      await pause(5);
    }
    await done;
    return { ...(await look(this.#server)), pingMs };
  }

  #door(entry: Entry): Parameters<typeof Stranger.at>[0] {
    const { port = 0, tlsPort = 0, pagePort = 0, jointPort = 0 } = this.#ports;
    if (entry === 'tcp') return { port };
    if (entry === 'tls') return { port: tlsPort, tls: true };
    if (entry === 'joint') return { port: jointPort };
    return entry.startsWith('page') ? { port: pagePort } : { path: this.#path };
  }

  /** The client comes, in a process of its own, and is flooded. */
  async #trapped(entry: Entry, bytes: Buffer): Promise<Cell> {
    this.#isNative = entry !== 'hostile net-ipc server';
    const came = new Promise<Socket>((resolve) => {
      this.#came = resolve;
    });
    const [client] = await this.#victim(entry === 'hostile hub' ? 'member' : 'client', this.#trap);
    const socket = await came;
    await begin(client);
    await taken(socket, bytes);
    await pause(50);
    const harm = await look(client);
    await kill(client);
    socket.destroy();
    if (!socket.closed) await once(socket, 'close');
    return { ...harm, pingMs: undefined };
  }

  #catch(socket: Socket): void {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      this.#sessions += 1;
      const token = String(this.#sessions).padStart(22, 'A');
      const busbar = {
        version: 1,
        features: [],
        maxFrameBytes: 1 << 24,
        outcome: 'fresh',
        received: 0,
        graceMs: 1_000,
      };
      const native = this.#isNative ? { busbar: { ...busbar, token } } : {};
      const accepted = { compress: false, messagepack: false, ...native } as const;
      socket.write(acceptHello({ id: `c${this.#sessions}`, ...accepted } as Parameters<typeof acceptHello>[0]));
      this.#came(socket);
    });
  }

  async #victim(role: string, path: string): Promise<[ChildProcess, object]> {
    const victim = fork(new URL('./victim.js', import.meta.url), [role, path], { execArgv: ['--expose-gc'] });
    const [told] = (await once(victim, 'message')) as [object];
    return [victim, told];
  }
}

export function isOver(cell: Cell, limitMiB: number): boolean {
  return harmOf(cell, limitMiB) > 1;
}

/** The worst of each kind of flood, whatever its lane and link, as lines for people and `docs/reliability.md`. */
export function tableOf(cells: ReadonlyMap<string, Cell>): string {
  const worst = new Map<string, number[]>();
  for (const [name, { memory, heldMs, pingMs, descriptors }] of cells) {
    const kind = name.split(',', 1).join();
    const known = worst.get(kind) ?? [0, 0, 0, 0];
    const row = [memory, heldMs, pingMs ?? 0, descriptors].map((value, at) =>
      Math.max(known[at] ?? 0, Math.round(value)),
    );
    worst.set(kind, row);
  }
  const lines = [...worst].map(([kind, row]) => `| ${[kind, ...row].join(' | ')} |`);
  return ['| flood | MiB | loop, ms | ping, ms | descriptors |', '| --- | --- | --- | --- | --- |', ...lines].join(
    '\n',
  );
}

/**
 * What a flood does at least: it is measured again where it is over a bound, more often where the machine's other work kept the
 * victim's threads, the collector's among them, from a core: that makes a flood look worse than it is, and never better.
 */
async function leastOf(limitMiB: number, measure: () => Promise<Cell>): Promise<Cell> {
  let least = await measure();
  for (let attempt = 1; attempt < excusedAttempts && harmOf(least, limitMiB) > 1; attempt++) {
    if (attempt >= attempts && !isExcused(least)) break;
    const next = await measure();
    if (harmOf(next, limitMiB) < harmOf(least, limitMiB)) least = next;
  }
  return least;
}

/** How near the worst of it is to its bound, which is 1. */
function harmOf({ memory, heldMs, pingMs, descriptors }: Cell, limitMiB: number): number {
  return Math.max(
    memory / (limitMiB + mostSpareMiB),
    heldMs / mostHeldMs,
    (pingMs ?? 0) / mostPingMs,
    descriptors / mostDescriptors,
  );
}

/** Whether what is over a bound may be what the machine's other work took from the victim. */
function isExcused({ heldMs, pingMs = 0, waitedMs }: Cell): boolean {
  return Math.max(heldMs - mostHeldMs, pingMs - mostPingMs, longestWaitMs) <= waitedMs;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when `bytes` left, each piece `inFrames` of WebSockets or as it is, or the peer ended it, or does not read on. */
async function taken(socket: Socket, bytes: Buffer, inFrames = false): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at += pieceBytes) {
    const left = await new Promise<boolean>((resolve) => {
      const late = setTimeout(resolve, stuckMs, false);
      const piece = bytes.subarray(at, at + pieceBytes);
      socket.write(inFrames ? webFrame(2, piece) : piece, () => {
        clearTimeout(late);
        resolve(true);
      });
    });
    if (!left) return;
  }
}

async function kill(victim: ChildProcess): Promise<void> {
  victim.kill('SIGKILL');
  await once(victim, 'exit');
}

/** What is done to the victim counts from here on. */
const begin = (victim: ChildProcess): Promise<Harm> => look(victim, 'begin');

async function look(victim: ChildProcess, how = 'look'): Promise<Harm> {
  victim.send(how);
  const [harm] = (await once(victim, 'message')) as [Harm];
  return harm;
}
