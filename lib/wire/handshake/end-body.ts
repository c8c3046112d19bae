import { concat } from '../../base/bytes.ts';
import { packetType } from '../net-ipc/packet-type.ts';

const textEncoder = new TextEncoder();
const longestBlock = 0xffff;

/** What an END packet of the opening says. */
export interface EndBody {
  readonly code: string;
  readonly reason: string;
  readonly allowReconnect: boolean;
}

/**
 * The body of an END packet in the codecs a client was just told to use. It is written without a codec library, since it is
 * all that some links ever carry.
 */
export function endBody(
  end: EndBody,
  codecs: { readonly compress: boolean; readonly messagepack: boolean },
): Uint8Array {
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
