import { type ListenOptions as NetListenOptions, type Server, type Socket, createServer } from 'node:net';
import process from 'node:process';
import type { TlsOptions } from 'node:tls';
import { codeOf, textOf } from '../base/thrown.ts';
import { BusError } from '../base/errors.ts';
import { activated } from './activation.ts';
import { type Address, formatAddress, formatHostPort } from './address.ts';
import { inheritedPort } from './inherited-port.ts';
import type { ListenEvents, Listener } from './link.ts';
import type { ListenSettings } from './settings.ts';
import { acceptedLink } from './socket-link.ts';

/** Connections the system keeps waiting for `accept`: enough for a whole fleet coming back at once. */
const backlog = 511;

/** With what the declarations of the oldest Node lack. */
type ListenOptions = NetListenOptions & { readonly reusePort?: boolean; readonly fd?: number };

type NetAddress = Extract<Address, { kind: 'tcp' | 'tls' | 'pipe' }>;

/**
 * Listens on a TCP port, with TLS if the address says so, or on a Windows pipe. Rejects with `ERR_ADDRESS_IN_USE` or
 * `ERR_LISTEN` with the system's error as cause; a worker of a cluster does not share the port unless `listenOptions`
 * say so, as a session lives in one process. A TLS link is handed out after its handshake; a handshake that fails
 * is one `error`.
 */
export async function listenNet(
  address: NetAddress,
  settings: ListenSettings,
  events: ListenEvents,
): Promise<Listener> {
  const { listenOptions = {} }: { listenOptions?: ListenOptions | undefined } = settings;
  checkReusePort(listenOptions.reusePort);
  const accept = (socket: Socket): void => {
    const remote = address.kind === 'pipe' ? address.path : (socket.remoteAddress ?? '');
    events.link(acceptedLink(socket, { ...settings, kind: address.kind, remote }, events));
  };
  try {
    const plain = { keepAlive: true, ...settings.options, noDelay: true, allowHalfOpen: false };
    const { server, stop } =
      address.kind === 'tls'
        ? secureServer(settings, accept, events)
        : { server: createServer(plain, accept), stop: () => {} };
    // A host name may stand for two addresses, and a listener has one; this is the one that any client tries.
    const host = address.kind !== 'pipe' && address.host === 'localhost' ? '127.0.0.1' : undefined;
    const where = address.kind === 'pipe' ? { path: address.path } : { host: host ?? address.host, port: address.port };
    await bind(server, { exclusive: true, ...listenOptions, ...where });
    server.on('error', (error) => events.error(listenError(formatAddress(address), error)));
    return new NetListener(server, address, stop);
  } catch (error) {
    throw listenError(formatAddress(address), error);
  }
}

/**
 * Resolves when `server` listens, rejects with the system's error. The binding itself is done when this returns. A port whose socket
 * this process was started with is that socket's, whatever its host.
 */
export function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      reject(error);
    };
    const onListening = (): void => {
      server.off('error', onError);
      resolve();
    };
    server.once('error', onError);
    server.once('listening', onListening);
    const inherited = 'fd' in options ? undefined : (inheritedPort(options.port) ?? activated(options));
    server.listen(inherited === undefined ? { backlog, ...options } : { backlog, fd: inherited, exclusive: true });
  });
}

/** Throws `ERR_INVALID_OPTION` where two servers cannot share a port, as this Node would take no notice. */
export function checkReusePort(isAsked: unknown): void {
  if (isAsked !== true) return;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) return;
  throw new BusError(
    'ERR_INVALID_OPTION',
    `reusePort needs Node 22.12, 23.1 or newer, this is ${process.versions.node}`,
  );
}

/** Throws `ERR_INVALID_OPTION` for a TLS server that has nothing to prove itself with, as every handshake would fail. */
export function checkCredentials(address: Address, settings: ListenSettings): void {
  if (address.kind !== 'tls') return;
  const { cert, key, pfx, pskCallback, SNICallback } = tlsOptions(settings);
  if ((cert && key) || pfx || pskCallback || SNICallback) return;
  throw new BusError(
    'ERR_INVALID_OPTION',
    'A TLS server needs { cert, key }, { pfx }, { pskCallback } or { SNICallback } in option tls or options',
  );
}

function tlsOptions({ options, tls }: ListenSettings): TlsOptions {
  return { ...options, ...(typeof tls === 'object' ? tls : {}) };
}

/** A TLS server, and what ends the handshakes in flight when it closes. */
interface Accepting {
  readonly server: Server;
  readonly stop: () => void;
}

function secureServer(settings: ListenSettings, accept: (socket: Socket) => void, events: ListenEvents): Accepting {
  // Loaded by those who use it.
  const server = process.getBuiltinModule('node:tls').createServer({
    handshakeTimeout: settings.handshakeTimeoutMs ?? 5_000,
    keepAlive: true,
    ...tlsOptions(settings),
    noDelay: true,
    allowHalfOpen: false,
  });
  const maxHandshakes = settings.maxHandshakes ?? 256;
  const handshaking = new Map<string, Socket>();
  let stopped = false;
  server.prependListener('connection', (socket: Socket) => {
    const key = remoteKey(socket);
    handshaking.set(key, socket);
    socket.once('close', () => {
      if (handshaking.get(key) === socket) handshaking.delete(key);
    });
    if (handshaking.size <= maxHandshakes) return;
    for (const [oldest, stranger] of handshaking) {
      handshaking.delete(oldest);
      stranger.destroy();
      break;
    }
  });
  server.on('secureConnection', (socket) => {
    handshaking.delete(remoteKey(socket));
    if (stopped) socket.destroy();
    else accept(socket);
  });
  const reported = new WeakSet<Socket>();
  server.on('tlsClientError', (error, socket) => {
    if (stopped || reported.has(socket)) return;
    reported.add(socket);
    socket.destroy();
    const late = 'code' in error && error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
    const code = late ? 'ERR_TIMEOUT' : 'ERR_PROTOCOL';
    events.error(new BusError(code, `A TLS handshake failed: ${error.message}`, { cause: error }));
  });
  const stop = (): void => {
    stopped = true;
    for (const stranger of handshaking.values()) stranger.destroy();
    handshaking.clear();
  };
  return { server, stop };
}

function remoteKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}

class NetListener implements Listener {
  readonly address: string;
  readonly port: number | undefined;
  readonly server: Server;
  readonly #stop: () => void;
  #closed = false;

  constructor(server: Server, address: NetAddress, stop: () => void) {
    this.server = server;
    this.#stop = stop;
    const bound = server.address();
    if (bound === null || typeof bound === 'string') {
      this.address = bound ?? formatAddress(address);
      this.port = undefined;
    } else {
      this.address = formatHostPort(bound.address, bound.port);
      this.port = bound.port;
    }
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.server.close();
      this.#stop();
    }
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * `ERR_ADDRESS_IN_USE` or `ERR_LISTEN` for a listener that failed on `address`, with the system's error as cause; the
 * message begins with `who`, if given.
 */
export function listenError(address: string, cause: unknown, who?: string): BusError {
  const code = codeOf(cause) === 'EADDRINUSE' ? 'ERR_ADDRESS_IN_USE' : 'ERR_LISTEN';
  const subject = who === undefined ? 'Cannot' : `${who} cannot`;
  return new BusError(code, `${subject} listen on ${address}: ${textOf(cause)}`, { cause });
}
