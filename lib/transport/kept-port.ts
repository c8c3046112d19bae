import { fstatSync } from 'node:fs';
import net from 'node:net';
import { BusError } from '../base/errors.ts';
import { isPort } from '../base/ip.ts';
import { formatHostPort, parseAddress } from './address.ts';
import { inheritedEntry, inheritedVariable } from './inherited-port.ts';
import { listenError } from './net-listener.ts';

/** Where a port is kept. */
export interface ListenPlace {
  readonly host: string;
  readonly port: number;
}

/** What a system call on a socket that nobody accepts from comes to: 0, or the negative number of an error. */
interface Handle {
  readonly fd: number;
  getsockname(out: { port?: number }): number;
  close(): void;
}

type Bind = (host: string, port: number, family: 4 | 6, fd?: number) => Handle | number;

/** A port of 127.0.0.1, or `host:port`; undefined for what is neither. */
export function placeOf(given: unknown): ListenPlace | undefined {
  if (typeof given === 'number') return isPort(given) && given > 0 ? { host: '127.0.0.1', port: given } : undefined;
  try {
    const address = typeof given === 'string' ? parseAddress(given) : undefined;
    if (address?.kind !== 'tcp' || address.port === 0) return undefined;
    const host = address.host === 'localhost' ? '127.0.0.1' : address.host;
    return net.isIP(host) === 0 ? undefined : { host, port: address.port };
  } catch {
    return undefined;
  }
}

/**
 * TCP sockets that are bound here and never accept: the processes that inherit them do. As long as they are kept, who connects waits
 * for one of those.
 */
export class KeptPorts {
  readonly descriptors: readonly number[];
  /** By which who inherits them knows which they are. */
  readonly env: Readonly<Record<string, string>>;
  readonly #handles: readonly Handle[];

  /** `first`: the number of the first one's descriptor where they are inherited. @throws BusError as `listen`; none is kept then. */
  constructor(places: readonly ListenPlace[], first: number, who: string) {
    const handles: Handle[] = [];
    this.#handles = handles;
    try {
      for (const place of places) handles.push(bind(place, who));
    } catch (error) {
      this.close();
      throw error;
    }
    this.descriptors = handles.map(({ fd }) => fd);
    const entries = places.map(({ port }, index) =>
      inheritedEntry(port, first + index, fstatSync(handles[index]?.fd ?? -1).ino),
    );
    this.env = entries.length === 0 ? {} : { [inheritedVariable]: entries.join(',') };
  }

  close(): void {
    for (const handle of this.#handles) handle.close();
  }
}

/** It is what Node's own clusters bind with: by the public ways a server begins to accept. */
const binder = (net as unknown as { readonly _createServerHandle?: Bind })._createServerHandle;

function bind({ host, port }: ListenPlace, who: string): Handle {
  const unable = (): BusError =>
    new BusError('ERR_INVALID_OPTION', `${who}: option listen needs Node, and a system with descriptors`);
  if (binder === undefined || process.platform === 'win32') throw unable();
  const handle = binder(host, port, net.isIPv6(host) ? 6 : 4);
  if (typeof handle === 'number') throw failure(handle, host, port, who);
  if (!Number.isInteger(handle.fd) || handle.fd < 0) {
    handle.close();
    throw unable();
  }
  // A port that is in use is found out late: the socket has no port then.
  const name: { port?: number } = {};
  const code = handle.getsockname(name);
  if (code === 0 && name.port === port) return handle;
  handle.close();
  throw failure(code, host, port, who);
}

function failure(code: number, host: string, port: number, who: string): BusError {
  const util = process.getBuiltinModule('node:util');
  const name = code === 0 ? 'EADDRINUSE' : util.getSystemErrorName(code);
  const where = formatHostPort(host, port);
  const cause = Object.assign(new Error(`listen ${name} ${where}`), {
    code: name,
    syscall: 'listen',
    address: host,
    port,
  });
  return listenError(where, cause, who);
}
