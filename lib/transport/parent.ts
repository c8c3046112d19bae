import { fstatSync } from 'node:fs';
import { connect, type NetConnectOpts, Socket } from 'node:net';
import process from 'node:process';
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import { parentUrl } from './address.ts';
import type { Link } from './link.ts';
import { parentData, parentDescriptor, parentMark, parentVariable } from './offspring.ts';
import { OwnReads } from './own-reads.ts';
import { PortLink } from './port-link.ts';
import { SocketLink } from './socket-link.ts';

export interface ParentSettings {
  /** This process may outlive the one that started it. */
  readonly orphan?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

interface Parent {
  /** Of a thread that was started with a link. */
  readonly port: MessagePort | undefined;
  isTaken: boolean;
}

/** For listeners to be told, and to finish what is short. */
const orphanedMs = 500;

const threads = process.getBuiltinModule('node:worker_threads');
/** One for the process, or thread, however often this module is loaded. */
const key: unique symbol = Symbol.for('busbar.parent');
const inThread = globalThis as { [key]?: Parent };
const parent = (inThread[key] ??= { port: threads.isMainThread ? undefined : takePort(), isTaken: false });

/** A port cannot be copied: left where it is, it would keep this thread from starting others. */
function takePort(): MessagePort | undefined {
  const port = threads.getEnvironmentData(parentData);
  if (port === undefined) return undefined;
  threads.setEnvironmentData(parentData, undefined);
  return port as unknown as MessagePort;
}

/**
 * The link to the process or thread that started this one. Throws `ERR_CONNECT` if there is no such link, or it was
 * requested before. Unless `orphan`, the process ends soon after the peer was lost without a close.
 */
export function parentLink({ orphan = false, clock = systemClock }: ParentSettings): Link {
  if (parent.isTaken) throw refused('the only link to the parent is in use');
  const link = threads.isMainThread ? ofProcess(orphan, clock) : ofThread(clock);
  parent.isTaken = true;
  return link;
}

function ofThread(clock: Clock): Link {
  if (parent.port === undefined) throw refused('this thread was not started by server.thread()');
  return new PortLink(parent.port, { remote: parentUrl, final: true, clock });
}

function ofProcess(orphan: boolean, clock: Clock): Link {
  const [descriptor, ...marks] = (process.env[parentVariable] ?? '').split(' ');
  if (descriptor !== String(parentDescriptor) || !isOurs(marks)) {
    throw refused('this process was not started by server.spawn(), or its descriptor 3 is gone');
  }
  // Those that are started from here have parents of their own.
  delete process.env[parentVariable];
  const reads = OwnReads.offered();
  return new ParentLink(
    open(reads),
    reads,
    orphan ? 'goes on' : marks.includes(parentMark.group) ? 'group' : 'ends',
    clock,
  );
}

/** Whether the descriptor is a socket, and none that Node made for itself. */
function isOurs(marks: readonly string[]): boolean {
  if (!marks.includes(parentMark.ipc) && (process.channel ?? undefined) !== undefined) return false;
  try {
    return process.platform === 'win32' || fstatSync(parentDescriptor).isSocket();
  } catch {
    return false;
  }
}

function open(reads: OwnReads | undefined): Socket {
  // Bun opens a descriptor by this alone, where Node does not.
  if ('bun' in process.versions) return connect({ fd: parentDescriptor } as unknown as NetConnectOpts);
  const own = reads && { onread: reads.onread, pauseOnCreate: true };
  return new Socket({ fd: parentDescriptor, readable: true, writable: true, ...own });
}

class ParentLink extends SocketLink {
  #isLeft = false;

  constructor(socket: Socket, reads: OwnReads | undefined, orphaned: 'goes on' | 'ends' | 'group', clock: Clock) {
    super(socket, { kind: 'child', remote: parentUrl, final: true, clock, reads });
    if (orphaned === 'goes on') return;
    socket.once('close', () => clock.setTimer(() => this.#isLeft || endWith(orphaned), orphanedMs, true));
  }

  override end(): void {
    this.#isLeft = true;
    super.end();
  }

  override destroy(error?: Error): void {
    this.#isLeft = true;
    super.destroy(error);
  }
}

/** Ends this process, and with its group what it has started. */
function endWith(orphaned: 'ends' | 'group'): never {
  if (orphaned === 'group' && process.platform !== 'win32') process.once('exit', () => process.kill(0, 'SIGKILL'));
  process.exit(1);
}

function refused(why: string): BusError {
  return new BusError('ERR_CONNECT', `Cannot connect to ${parentUrl} ${why}`);
}
