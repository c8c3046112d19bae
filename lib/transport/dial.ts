import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net';
import process from 'node:process';
import type { ConnectionOptions } from 'node:tls';
import { codeOf, textOf } from '../base/thrown.ts';
import { BusError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { systemClock } from '../base/system-clock.ts';
import { sleep } from '../base/wait.ts';
import { type Address, formatAddress } from './address.ts';
import type { Dial, Link } from './link.ts';
import { processNetwork } from './memory.ts';
import { parentLink } from './parent.ts';
import type { DialSettings } from './settings.ts';
import { OwnReads } from './own-reads.ts';
import { SocketLink } from './socket-link.ts';

/**
 * How to open links to `address`. Each attempt rejects with `ERR_CONNECT` with the system's error as cause, or with the
 * reason of its signal. Throws `ERR_INVALID_OPTION` for port 0, which only a listener can have.
 */
export function dialer(address: Address, settings: DialSettings = {}): Dial {
  if (address.kind === 'memory') {
    const network = settings.network ?? processNetwork;
    const clock = settings.clock ?? systemClock;
    return (signal) => network.dial(address, clock, signal);
  }
  if (address.kind === 'parent') return async () => parentLink(settings);
  if ('port' in address && address.port === 0) {
    throw new BusError('ERR_INVALID_OPTION', 'Option port: a client cannot connect to port 0');
  }
  return (signal) => dialSocket(address, settings, signal);
}

export type SocketAddress = Exclude<Address, { kind: 'memory' | 'parent' }>;

/** How long a socket file whose queue is full is tried again before that is an error, and how often. */
const crowdedForMs = 2_000;
const crowdedPauseMs = 20;

/**
 * Opens one socket; a tls address counts as open once its handshake is done. Rejects with `ERR_CONNECT` with the system's
 * error as cause, or the reason of `signal`; then nothing stays open.
 */
async function dialSocket(address: SocketAddress, settings: DialSettings, signal: AbortSignal): Promise<Link> {
  const { clock = systemClock, random = systemRandom } = settings;
  const until = clock.now() + crowdedForMs;
  for (;;) {
    try {
      return await attempt(address, settings, signal);
    } catch (error) {
      // A tcp connect waits for room in the listener's queue, one to a socket file fails at once instead.
      if (address.kind !== 'unix' || !isCrowded(error) || clock.now() >= until) throw error;
      await sleep(clock, crowdedPauseMs * (0.5 + random.unit()), signal);
    }
  }
}

function isCrowded(error: unknown): boolean {
  const cause = error instanceof BusError ? error.cause : undefined;
  return codeOf(cause) === 'EAGAIN';
}

function attempt(address: SocketAddress, settings: DialSettings, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    let socket: Socket;
    const reads = address.kind === 'tls' ? undefined : OwnReads.offered();
    try {
      socket = openSocket(address, settings, reads);
      // Nothing is read before there is somebody to read it.
      if (reads !== undefined) socket.pause();
    } catch (error) {
      reject(connectError(address, error));
      return;
    }
    const opened = address.kind === 'tls' ? 'secureConnect' : 'connect';
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off(opened, onOpen);
      socket.off('error', onError);
      socket.off('close', onClose);
    };
    const fail = (reason: unknown): void => {
      settle();
      socket.on('error', ignore);
      socket.destroy();
      reject(reason);
    };
    const onAbort = (): void => fail(signal.reason);
    const onError = (error: Error): void => fail(connectError(address, error));
    const onClose = (): void => fail(connectError(address, new Error('the peer closed before the link was open')));
    const onOpen = (): void => {
      settle();
      const remote = 'path' in address ? address.path : (socket.remoteAddress ?? address.host);
      resolve(new SocketLink(socket, { ...settings, kind: address.kind, remote, reads }));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once(opened, onOpen);
    socket.once('error', onError);
    socket.once('close', onClose);
  });
}

/** `ERR_CONNECT` for a failed attempt, whatever made it fail. */
function connectError(address: Address, cause: unknown): BusError {
  return new BusError('ERR_CONNECT', `Cannot connect to ${formatAddress(address)}: ${describe(cause)}`, { cause });
}

function openSocket(address: SocketAddress, settings: DialSettings, reads: OwnReads | undefined): Socket {
  const own = reads && { onread: reads.onread };
  if ('path' in address) {
    const options: NetConnectOpts = { ...settings.options, path: address.path, allowHalfOpen: false, ...own };
    return connectTcp(options);
  }
  const where = { host: address.host, port: address.port, noDelay: true, allowHalfOpen: false };
  if (address.kind === 'tcp') {
    const options: NetConnectOpts = { keepAlive: true, ...settings.options, ...where, ...own };
    return connectTcp(options);
  }
  const further = typeof settings.tls === 'object' ? settings.tls : {};
  const options: ConnectionOptions = { ...settings.options, ...further, ...where };
  // Loaded by those who use it.
  const socket = process.getBuiltinModule('node:tls').connect(options);
  socket.setKeepAlive(true);
  return socket;
}

/** One line for an error; the platform leaves the message empty when several addresses of a host failed. */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describe).join('; ');
  return textOf(error);
}

function ignore(): void {}
