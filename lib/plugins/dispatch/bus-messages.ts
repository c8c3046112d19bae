import { asBuffer } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';
import * as is from '../../base/shape.ts';
import { decodeCommand, decodeMessage, type DispatchMessage, encodeMessage, type MessageType } from './message.ts';

// What the plugin's two ends say to each other on their lane. Data travels as bytes: the lease as u32, big-endian, then
// the same message a WebSocket driver would get or send. Everything else is an object with the member `op`.

const device = is.object({ id: is.count(), address: is.text(), port: is.count() });

/**
 * Client to server, as requests. `open` opens a port under a lease number of the client's; the answer is the port's
 * number.
 */
export const readLeaseRequest = is.objectReader('lease request', {
  open: {
    lease: is.count(),
    protocol: is.oneOf('tcp', 'udp', 'tls'),
    port: is.count(65_535),
    accept: is.listOf(is.text()),
    multicast: is.optional(is.listOf(is.text())),
    key: is.optional(is.text()),
    cert: is.optional(is.text()),
  },
  release: { lease: is.count() },
  close: { lease: is.count(), device },
});
export type LeaseRequest = ReturnType<typeof readLeaseRequest>;
export type OpenRequest = Extract<LeaseRequest, { readonly op: 'open' }>;

/** Client to server, as messages: lets the server send that many bytes more; the first one starts the lease. */
export const readCredit = is.objectReader('credit', { credit: { lease: is.count(), bytes: is.count() } });

/** Server to client, as messages. */
export const readPortMessage = is.objectReader('port message', {
  opened: { lease: is.count(), device },
  closed: { lease: is.count(), device },
  ended: { lease: is.count(), code: is.text(), message: is.text() },
});
export type PortMessage = ReturnType<typeof readPortMessage>;

/** Bytes of the window that one event costs besides its data, so that events without data are bounded too. */
export const eventCost = 64;
/** Most bytes that a server sends before its client has read them. */
export const windowBytes = 1_048_576;

export function encodeData(
  lease: number,
  type: MessageType,
  address: string,
  id: number,
  data: Uint8Array,
): Uint8Array {
  const bytes = encodeMessage(type, address, id, data, 4);
  bytes.writeUInt32BE(lease);
  return bytes;
}

export interface LeasedMessage extends DispatchMessage {
  readonly lease: number;
}

/** @throws BusError `ERR_PROTOCOL` */
export function decodeData(data: Uint8Array, from: 'client' | 'server'): LeasedMessage {
  if (data.length < 4) throw new BusError('ERR_PROTOCOL', 'A message of a lease is too short');
  const bytes = asBuffer(data);
  const read = from === 'client' ? decodeCommand : decodeMessage;
  return { lease: bytes.readUInt32BE(0), ...read(bytes.subarray(4)) };
}
