import { concat } from '../../base/bytes.ts';
import type { ClientHello, ServerHello } from './hello.ts';
import { asRefusal, packetType, type Refusal } from '../net-ipc/packet.ts';
import { plainPacket, tagged } from './packet.ts';

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

const textEncoder = new TextEncoder();
const longestBlock = 0xffff;

/** What an END packet of the handshake says. */
export interface EndBody {
  readonly code: string;
  readonly reason: string;
  readonly allowReconnect: boolean;
}

/**
 * The body of an END packet in the codecs a client was just told to use. It is written without a codec library, since it is
 * all that some links ever carry.
 */
function endBody(end: EndBody, codecs: { readonly compress: boolean; readonly messagepack: boolean }): Uint8Array {
  const body = codecs.messagepack ? packed(end) : textEncoder.encode(json(end));
  return codecs.compress ? stored(body) : body;
}

function json({ code, reason, allowReconnect }: EndBody): string {
  return JSON.stringify({ t: packetType.end, d: { m: reason, a: allowReconnect, c: code } });
}

function packed({ code, reason, allowReconnect }: EndBody): Uint8Array {
  const head = [0x82, 0xa1, 0x74, packetType.end, 0xa1, 0x64, 0x83, 0xa1, 0x61, allowReconnect ? 0xc3 : 0xc2];
  return concat([Uint8Array.from(head), packedString('m', reason), packedString('c', code)]);
}

/** A key of one letter and a str 32. */
function packedString(key: string, value: string): Uint8Array {
  const text = textEncoder.encode(value);
  const bytes = new Uint8Array(7 + text.length);
  bytes.set([0xa1, key.charCodeAt(0), 0xdb]);
  new DataView(bytes.buffer).setUint32(3, text.length);
  bytes.set(text, 7);
  return bytes;
}

/** Raw deflate of stored blocks, flushed as every packet is. */
function stored(body: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += longestBlock) {
    const block = body.subarray(at, at + longestBlock);
    parts.push(blockHead(block.length), block);
  }
  return concat([...parts, blockHead(0)]);
}

function blockHead(length: number): Uint8Array {
  return Uint8Array.of(0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff);
}
