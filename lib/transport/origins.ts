import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Origins } from './origin-options.ts';

/**
 * Whether the web page that asks, if one does, is of an origin that may. Programs send no origin, and are not held by
 * it. The same origin has the scheme of the server, and as its host an address, `localhost` or one of `ownNames`: any
 * other name may be somebody else's, made to lead here.
 */
export function fitsOrigins(request: IncomingMessage, origins: Origins, ownNames: readonly string[] = []): boolean {
  const { origin } = request.headers;
  if (origin === undefined || origins === 'any') return true;
  if (origins !== 'same') return origins.includes(origin);
  const asked = askedUrl(request);
  return asked?.origin === origin && isOwnName(asked.hostname, ownNames);
}

/** Whether the request names its server by an address, `localhost` or one of `ownNames`. */
export function asksByOwnName(request: IncomingMessage, ownNames: readonly string[] = []): boolean {
  const asked = askedUrl(request);
  return asked !== undefined && isOwnName(asked.hostname, ownNames);
}

function askedUrl({ headers, socket }: IncomingMessage): URL | undefined {
  const url = `${(socket as TLSSocket).encrypted ? 'https' : 'http'}://${headers.host}/`;
  return URL.canParse(url) ? new URL(url) : undefined;
}

function isOwnName(host: string, ownNames: readonly string[]): boolean {
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0 || host === 'localhost' || host.endsWith('.localhost')) return true;
  return ownNames.some((name) => name.toLowerCase() === host);
}
