import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';

/** What is read and thrown away at most, how long that takes, and how long nothing may come meanwhile. */
const mostBytes = 67_108_864;
const longestMs = 30_000;
const quietMs = 2_000;

/**
 * Closes a socket whose peer may still be sending, so that it can read what it was told: this half is ended, and what
 * comes is thrown away, within bounds. Closed at once, with bytes unread, the connection would be reset, and what was
 * told lost.
 */
export function linger(socket: Socket, clock: Clock): void {
  const began = clock.now();
  let received = 0;
  let seen = -1;
  let timer: Timer | undefined;
  const check = (): void => {
    if (received === seen || clock.now() - began >= longestMs) return void socket.destroy();
    seen = received;
    timer = clock.setTimer(check, quietMs, true);
  };
  const discard = (bytes: Uint8Array): void => {
    received += bytes.length;
    if (received > mostBytes) socket.destroy();
  };
  socket.on('error', () => undefined).once('close', () => timer?.cancel());
  socket.end();
  socket.resume();
  check();
  // A listener of one's own takes the socket back from an HTTP parser, which would continue to the next request; but only
  // once the parser has carried out what it was asked before, to read on.
  setImmediate(() => socket.on('data', discard).removeAllListeners('data').on('data', discard));
}

/** Lets the connection end with `response`, in the way of `linger`; to be called before the response ends. */
export function lingerAfter(response: ServerResponse, clock: Clock): void {
  const { socket } = response.req;
  response.shouldKeepAlive = false;
  // What the platform calls when the last response on a connection has left.
  socket.destroySoon = () => linger(socket, clock);
}

/** What RFC 9112 goes by: a request has a body if it says how long it is, or that it is in chunks. */
export function hasBody(headers: { readonly [name: string]: unknown }): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}
