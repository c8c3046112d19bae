import { concat } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';
import type { ClientHello, ServerHello } from '../hello.ts';
import { packetType } from '../net-ipc/packet-type.ts';
import { endBody } from './end-body.ts';
import { plainPacket, tagged } from './packet.ts';

const longestCode = 64;

/** How a server said no. */
export interface Refusal {
  /** A code of `errorCodes`; absent when the server is a net-ipc one. */
  readonly code: string | undefined;
  readonly reason: unknown;
  /** Whether the client may try again by itself. */
  readonly allowReconnect: boolean;
}

/** The server's CONNECTION packet, plain whatever it announces. */
export function acceptHello(hello: ServerHello): Uint8Array {
  return plainPacket(packetType.connection, hello);
}

/**
 * The bytes that refuse a client; the link is to be ended after them. A net-ipc client that may not come back never settles
 * its `connect()` unless it is accepted first, so it is: its `connect()` resolves and its `close` event brings the reason,
 * as when a net-ipc server closes a client it does not want. The extra member `end` says the same to a busbar client that
 * speaks net-ipc.
 */
export function refusal(code: string, reason: string, allowReconnect: boolean, hello?: ClientHello): Uint8Array {
  const end = { code, reason, allowReconnect };
  const plain = { compress: false, messagepack: false };
  if (allowReconnect || !hello || hello.busbar) return tagged(endBody(end, plain));
  const { id, compress, messagepack } = hello;
  const accepted = { id, compress, messagepack, end: { m: reason, a: allowReconnect, c: code } };
  return concat([plainPacket(packetType.connection, accepted), tagged(endBody(end, hello))]);
}

/** The refusal that an acceptance carries for those who know of it. */
export function refusalIn(data: unknown): Refusal | undefined {
  return typeof data === 'object' && data !== null && 'end' in data ? asRefusal(data.end) : undefined;
}

/** The payload of an END packet, checked. Throws `ERR_PROTOCOL`. */
export function asRefusal(data: unknown): Refusal {
  if (data === undefined || data === null) return { code: undefined, reason: undefined, allowReconnect: true };
  if (typeof data !== 'object') throw new BusError('ERR_PROTOCOL', 'The END packet is malformed.');
  const code = 'c' in data && typeof data.c === 'string' && data.c.length <= longestCode ? data.c : undefined;
  return { code, reason: 'm' in data ? data.m : undefined, allowReconnect: 'a' in data && data.a === true };
}
