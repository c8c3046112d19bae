import { BusError } from '../base/errors.ts';
import { isPort } from '../base/ip.ts';

/** A place to listen on or to dial, whatever options it came from. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'pipe'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'memory';
      readonly name: string;
      /** Milliseconds that every write takes at least, counted at the sending end. */
      readonly netLag: number;
      /** Bytes per second, counted at the sending end; `Infinity`: no limit. */
      readonly netSpeed: number;
    }
  /** The process or thread that started this one, by `Server.spawn` or `Server.thread`. */
  | { readonly kind: 'parent' };

/** The options of a `Server` or `Client` that say where it lives. */
export interface AddressOptions {
  readonly url?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  /** A `host` in it counts as the option `host` of a tcp address. */
  readonly listenOptions?: object | undefined;
  /** `true`, or the options of `node:tls`: a tcp address becomes a tls address. */
  readonly tls?: boolean | object | undefined;
}

/** The `url` of the process or thread that started this one. */
export const parentUrl = 'parent:';

const defaultPath = 'net-ipc';
const defaultPort = 4466;
/** Loopback by number, so that both ends mean the same address whatever the resolver prefers. */
const defaultHost = '127.0.0.1';

/** The longest path the system's socket address holds, without its final zero. */
export const maxUnixPathBytes = process.platform === 'linux' ? 107 : 103;

/**
 * The address that the options name; without any of them the path "net-ipc". Throws `ERR_INVALID_OPTION` naming the
 * option, or `ERR_TOO_LARGE` for a socket path over the system's limit.
 */
export function resolveAddress(options: AddressOptions): Address {
  const { url, path, port } = options;
  const tls = Boolean(options.tls);
  // Without a port it may be meant for none: a path is the default.
  const listenHost = port === undefined && options.host === undefined ? undefined : hostIn(options.listenOptions);
  const host = options.host ?? listenHost;
  if (listenHost !== undefined && host !== listenHost) {
    throw invalid('Option host and option listenOptions.host exclude each other');
  }
  if (url !== undefined) {
    const rival = path !== undefined ? 'path' : host !== undefined ? 'host' : port !== undefined ? 'port' : undefined;
    if (rival !== undefined) throw invalid(`Option url and option ${rival} exclude each other`);
    const address = parseAddress(url);
    if ('host' in address && (hostIn(options.listenOptions) ?? address.host) !== address.host) {
      throw invalid('Option url and option listenOptions.host exclude each other');
    }
    if (tls && address.kind === 'tcp') return { ...address, kind: 'tls' };
    if (tls && address.kind !== 'tls') throw invalid(`Option tls does not fit a ${address.kind} address`);
    return address;
  }
  if (host !== undefined || port !== undefined) {
    if (path !== undefined) {
      throw invalid(`Option path and option ${port !== undefined ? 'port' : 'host'} exclude each other`);
    }
    return {
      kind: tls ? 'tls' : 'tcp',
      host: checkHost(host ?? defaultHost, 'host'),
      port: checkPort(port ?? defaultPort, 'port'),
    };
  }
  if (tls) throw invalid('Option tls needs option host, port or a tls url');
  return localAddress(path ?? defaultPath, 'path');
}

/**
 * Reads `host:port`, `unix:path`, `pipe:name`, `tcp:host:port`, `tcp://host:port`, `tls:host:port`, `parent:` or
 * `memory:name?netLag=ms&netSpeed=bytes`; the port is 4466 if a scheme is given without one. `unix:` and `pipe:` both
 * mean the platform's local socket. Throws as `resolveAddress` does.
 */
export function parseAddress(text: string): Address {
  if (typeof text !== 'string' || text === '') throw invalid('Option url must be a non-empty string');
  if (text === parentUrl) return { kind: 'parent' };
  const scheme = /^(unix|pipe|tcp|tls|memory):(?:\/\/)?(.*)$/s.exec(text);
  if (scheme === null) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
      throw invalid(`Option url has an unknown scheme: ${text}; known are unix, pipe, tcp, tls, memory and parent`);
    return { kind: 'tcp', ...parseHostPort(text, undefined) };
  }
  const [, kind, rest = ''] = scheme;
  switch (kind) {
    case 'unix':
    case 'pipe':
      return localAddress(rest, 'url');
    case 'memory':
      return parseMemory(rest);
    default:
      return { kind: kind === 'tls' ? 'tls' : 'tcp', ...parseHostPort(rest, defaultPort) };
  }
}

/** The address as `parseAddress` reads it back. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case 'unix':
    case 'pipe':
      return `${address.kind}:${address.path}`;
    case 'tcp':
    case 'tls':
      return `${address.kind}:${formatHostPort(address.host, address.port)}`;
    case 'parent':
      return parentUrl;
    case 'memory': {
      const query = new URLSearchParams();
      if (address.netLag > 0) query.set('netLag', String(address.netLag));
      if (address.netSpeed !== Number.POSITIVE_INFINITY) query.set('netSpeed', String(address.netSpeed));
      return `memory:${encodeURIComponent(address.name)}${query.size > 0 ? `?${query}` : ''}`;
    }
  }
}

/** `host:port`, with an IPv6 host in brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function localAddress(path: unknown, option: string): Address {
  if (typeof path !== 'string' || path === '') throw invalid(`Option ${option} must name a socket path`);
  if (path.includes('\0')) throw invalid(`Option ${option} must not contain a zero byte`);
  if (process.platform === 'win32') {
    const prefix = '\\\\.\\pipe\\';
    if (path.startsWith(prefix)) return { kind: 'pipe', path };
    return { kind: 'pipe', path: `${prefix}${path.replace(/^\//, '').replaceAll('/', '-')}` };
  }
  const bytes = Buffer.byteLength(path);
  if (bytes > maxUnixPathBytes) {
    throw new BusError(
      'ERR_TOO_LARGE',
      `Option ${option}: a socket path can have ${maxUnixPathBytes} bytes on this system, this one has ${bytes}: ${path}`,
    );
  }
  return { kind: 'unix', path };
}

function parseHostPort(text: string, portIfNone: number | undefined): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]+))?$/.exec(text);
  if (match === null) throw invalid(`Option url must read host:port, with an IPv6 host in brackets: ${text}`);
  const host = match[1] ?? match[2] ?? '';
  const port = match[3] === undefined ? portIfNone : Number(match[3]);
  if (port === undefined) throw invalid(`Option url needs a port or a scheme: ${text}`);
  return { host: checkHost(host, 'url'), port: checkPort(port, 'url') };
}

function parseMemory(text: string): Address {
  const cut = text.indexOf('?');
  const encoded = cut === -1 ? text : text.slice(0, cut);
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    name = encoded;
  }
  if (name === '') throw invalid('Option url: a memory address needs a name');
  let netLag = 0;
  let netSpeed = Number.POSITIVE_INFINITY;
  for (const [key, value] of new URLSearchParams(cut === -1 ? '' : text.slice(cut + 1))) {
    const amount = value.trim() === '' ? Number.NaN : Number(value);
    if (key === 'netLag') {
      if (!(amount >= 0 && amount <= 3_600_000)) throw invalid('Option url: netLag must be 0 to 3600000 ms');
      netLag = amount;
    } else if (key === 'netSpeed') {
      if (!(amount > 0)) throw invalid('Option url: netSpeed must be more than 0 bytes per second');
      netSpeed = amount;
    } else {
      throw invalid(`Option url: a memory address has netLag and netSpeed, not ${key}`);
    }
  }
  return { kind: 'memory', name, netLag, netSpeed };
}

function hostIn(listenOptions: object | undefined): string | undefined {
  if (listenOptions === undefined || !('host' in listenOptions) || listenOptions.host === undefined) return undefined;
  return checkHost(listenOptions.host, 'listenOptions.host');
}

function checkHost(host: unknown, option: string): string {
  if (typeof host === 'string' && host !== '' && !/[\s/?#@\0]/.test(host)) return host;
  throw invalid(`Option ${option} must name a host`);
}

function checkPort(port: unknown, option: string): number {
  const number = typeof port === 'string' && /^[0-9]+$/.test(port) ? Number(port) : port;
  if (isPort(number)) return number;
  throw invalid(`Option ${option}: a port is an integer from 0 to 65535`);
}

function invalid(message: string): BusError {
  return new BusError('ERR_INVALID_OPTION', message);
}
