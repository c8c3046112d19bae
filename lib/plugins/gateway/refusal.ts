import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Answers a request that goes no further with its status as the text; `close` also ends the connection. */
export function refuse(request: IncomingMessage, response: ServerResponse, code: number, close = false): void {
  const text = STATUS_CODES[code] ?? '';
  if (close) response.shouldKeepAlive = false;
  response.on('error', ignore);
  request.on('error', ignore);
  response.statusCode = code;
  response.setHeader('Content-Type', 'text/plain');
  if (code === 426) response.setHeader('Upgrade', 'websocket');
  if (code === 503) response.setHeader('Retry-After', '1');
  if (!close && response.shouldKeepAlive && request.httpVersion === '1.1') response.removeHeader('connection');
  response.end(text);
  request.resume();
}

/** The same on a socket whose request asked for an upgrade. */
export function refuseUpgrade(socket: Duplex, code: number): void {
  const text = STATUS_CODES[code] ?? '';
  socket.on('error', ignore);
  socket.end(
    `HTTP/1.1 ${code} ${text}\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}

function ignore(): void {}
