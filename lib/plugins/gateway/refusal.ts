import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { hasBody, lingerAfter } from '../../transport/linger.ts';

/**
 * Answers a request that goes no further with its status as the text; `close` also ends the connection, as a body does
 * that nobody waits for.
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  clock: Clock,
  close = false,
): void {
  const text = STATUS_CODES[code] ?? '';
  if (hasBody(request.headers)) lingerAfter(response, clock);
  else if (close) response.shouldKeepAlive = false;
  response.on('error', ignore);
  request.on('error', ignore);
  response.statusCode = code;
  response.setHeader('Content-Type', 'text/plain');
  if (code === 426) response.setHeader('Upgrade', 'websocket');
  if (code === 503) response.setHeader('Retry-After', '1');
  if (response.shouldKeepAlive && request.httpVersion === '1.1') response.removeHeader('connection');
  response.end(text);
  request.resume();
}

function ignore(): void {}
