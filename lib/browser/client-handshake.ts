import { concat } from '../base/bytes.ts';
import { BusError } from '../base/errors.ts';
import { isSharedMemory, sharedMemory } from '../wire/codec/unencodable.ts';
import type { ServerHello } from '../wire/handshake/hello.ts';
import { packetType, asRefusal } from '../wire/net-ipc/packet.ts';
import type { ClientHandshakeOptions, ClientHandshakeStep } from '../wire/handshake/client-handshake.ts';

const mostBytes = 65_536;
const longestTag = 5;
const textEncoder = new TextEncoder();

/** How a page opens a link: its WebSocket was upgraded already, and its server speaks the native dialect. */
export class ClientHandshake {
  readonly #options: ClientHandshakeOptions;
  #held: Uint8Array = new Uint8Array(0);

  constructor(options: ClientHandshakeOptions) {
    this.#options = options;
  }

  start(): Uint8Array {
    const packet = textEncoder.encode(JSON.stringify({ t: packetType.connection, d: this.#options.hello }, fitting));
    const tag = [packet.length | 0x80];
    for (let left = packet.length >> 7; left > 0; left >>= 7) tag.unshift(left & 0x7f);
    return concat([textEncoder.encode('IPC'), Uint8Array.from(tag), packet]);
  }

  feed(bytes: Uint8Array): ClientHandshakeStep | undefined {
    const held = (this.#held = concat([this.#held, bytes]));
    const tag = held.subarray(0, longestTag);
    const start = tag.findIndex((byte) => byte > 0x7f) + 1;
    const end = tag.subarray(0, start).reduce((length, byte) => length * 128 + (byte & 0x7f), 0) + start;
    if (held.length > mostBytes || end > mostBytes) throw new BusError('ERR_TOO_LARGE');
    if (start === 0 && tag.length === longestTag) throw new BusError('ERR_PROTOCOL');
    if (start === 0 || held.length < end) return undefined;
    const packet: unknown = JSON.parse(new TextDecoder().decode(held.subarray(start, end)));
    const { t, d } = packet as { readonly t: unknown; readonly d: ServerHello };
    if (t === packetType.end) return { type: 'refused', refusal: asRefusal(d) };
    if (t !== packetType.connection) throw new BusError('ERR_PROTOCOL');
    return { type: 'open', hello: asServerHello(d), rest: held.subarray(end) };
  }
}

function fitting(key: string, value: unknown): unknown {
  if (isSharedMemory(value)) throw new TypeError(sharedMemory);
  return key === '__proto__' ? undefined : value;
}

/** Throws a TypeError for `null`, which the caller reports as `ERR_PROTOCOL`. */
function asServerHello({ id, compress, messagepack, busbar }: ServerHello): ServerHello {
  if (busbar === undefined) throw new BusError('ERR_INCOMPATIBLE');
  const { version, features, maxFrameBytes, outcome, received, token = '' } = busbar;
  const isSound =
    [version, maxFrameBytes, received].every((count) => Number.isSafeInteger(count) && count >= 0) &&
    [id, outcome, token, ...features].every((text) => typeof text === 'string');
  if (!isSound) throw new BusError('ERR_PROTOCOL');
  return { id, compress: compress === true, messagepack: messagepack === true, busbar };
}
