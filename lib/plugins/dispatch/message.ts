import { isIP } from 'node:net';
import { BusError } from '../../base/errors.ts';

/** The message types of the dispatch protocol; the first three come from the dispatcher, the last two from drivers. */
export const messageType = { opened: 0, closed: 1, received: 2, write: 3, close: 4 } as const;

export type MessageType = (typeof messageType)[keyof typeof messageType];

/** One message of the dispatch protocol, whichever way it goes. */
export interface DispatchMessage {
  readonly type: MessageType;
  /** The device's IP address as text, without its port. */
  readonly address: string;
  /** TCP: the id of the device; UDP: its port. Over 2^53 (which is never given out) it arrives rounded. */
  readonly id: number;
  readonly data: Uint8Array;
}

const longestAddress = 64;
const fixedBytes = 1 + 1 + 8 + 4;
const none = new Uint8Array(0);

/**
 * The bytes of one message: type u8, address with a final zero byte, id u64, size u32, data; all big-endian. The first
 * `reserved` bytes of the result are left to the caller.
 */
export function encodeMessage(
  type: MessageType,
  address: string,
  id: number,
  data: Uint8Array = none,
  reserved = 0,
): Buffer {
  const bytes = Buffer.allocUnsafe(reserved + fixedBytes + address.length + data.length);
  bytes[reserved] = type;
  let at = reserved + 1;
  at += bytes.write(address, at, 'latin1');
  bytes[at++] = 0;
  at = bytes.writeUInt32BE(Math.floor(id / 0x1_0000_0000), at);
  at = bytes.writeUInt32BE(id >>> 0, at);
  at = bytes.writeUInt32BE(data.length, at);
  bytes.set(data, at);
  return bytes;
}

/**
 * Reads one message; bytes after its data are ignored, as real peers do. `data` is a view of `bytes`.
 * @throws BusError `ERR_PROTOCOL` with a reason fit for a close frame.
 */
export function decodeMessage(bytes: Buffer): DispatchMessage {
  const type = messageTypeOf(bytes[0]);
  const end = bytes.subarray(1, 2 + longestAddress).indexOf(0) + 1;
  if (end === 0) {
    throw malformed(
      bytes.length > longestAddress + 1 ? 'the address is longer than 64 bytes' : 'the address has no end',
    );
  }
  const head = end + 1;
  if (bytes.length < head + 12) throw malformed(`${head + 12 - bytes.length} bytes are missing from the head`);
  const id = bytes.readUInt32BE(head) * 0x1_0000_0000 + bytes.readUInt32BE(head + 4);
  const size = bytes.readUInt32BE(head + 8);
  const start = head + 12;
  if (bytes.length < start + size) {
    throw malformed(`the data should have ${size} bytes and has ${bytes.length - start}`);
  }
  return { type, address: bytes.toString('latin1', 1, end), id, data: bytes.subarray(start, start + size) };
}

/** A message that asks for something to be done to a device: what `decodeMessage` takes, its address being one. */
export function decodeCommand(bytes: Buffer): DispatchMessage {
  const message = decodeMessage(bytes);
  if (isIP(message.address) === 0) throw malformed(`"${message.address}" is not an IP address`);
  return message;
}

function messageTypeOf(byte: number | undefined): MessageType {
  switch (byte) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return byte;
    case undefined:
      throw malformed('it is empty');
    default:
      throw malformed(`${byte} is not a message type`);
  }
}

function malformed(reason: string): BusError {
  return new BusError('ERR_PROTOCOL', `Bad message: ${reason}`);
}
