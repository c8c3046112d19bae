import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { linger } from './linger.ts';

/** Why a request gets no WebSocket. */
export interface HandshakeFault {
  readonly status: 400 | 405 | 426;
  readonly error: string;
}

/** In how many frames a message may come: until it is whole, each may keep the 64 KiB alive that it was read with. */
export const maxFragments = 256;
/** The one version there is. */
const webSocketVersion = '13';

/** What RFC 6455 has against a request for a WebSocket, if it has. */
export function handshakeFault(request: IncomingMessage): HandshakeFault | undefined {
  const { headers, method, httpVersionMajor, httpVersionMinor } = request;
  const version = headers['sec-websocket-version'];
  if (httpVersionMajor !== 1 || httpVersionMinor < 1) return bad('A WebSocket needs HTTP/1.1');
  if (hostsOf(request) !== 1) return bad('Exactly one Host is required');
  if (method !== 'GET') return { status: 405, error: 'A WebSocket needs GET' };
  if (headers.upgrade?.toLowerCase() !== 'websocket') return bad('Only WebSocket upgrades are supported');
  if (version === undefined) return bad('Sec-WebSocket-Version is missing');
  if (version !== webSocketVersion) return { status: 426, error: `Only version ${webSocketVersion} is supported` };
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) return bad('Sec-WebSocket-Key is not valid');
  return undefined;
}

/** How often a request names its host; a proxy and its server might choose different ones of two. */
export function hostsOf({ rawHeaders }: IncomingMessage): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
  return hosts;
}

/** Answers a request for a WebSocket with its status as the text, and closes the connection. */
export function refuseUpgrade(socket: Socket, code: number, clock: Clock): void {
  const text = STATUS_CODES[code] ?? '';
  const fields = [
    'Content-Type: text/plain',
    `Content-Length: ${text.length}`,
    'Connection: close',
    ...(code === 503 ? ['Retry-After: 1'] : []),
    ...(code === 426 ? [`Sec-WebSocket-Version: ${webSocketVersion}`] : []),
  ];
  socket.on('error', () => undefined);
  socket.write([`HTTP/1.1 ${code} ${text}`, ...fields, '', text].join('\r\n'));
  linger(socket, clock);
}

function bad(error: string): HandshakeFault {
  return { status: 400, error };
}
