import { BusError } from '../../base/errors.ts';
import type { Device, Protocol } from './device.ts';
import { decodeCommand, type DispatchMessage, decodeMessage, encodeMessage, type MessageType } from './message.ts';

// What the plugin's two ends say to each other on their lane. Data travels as bytes: the lease as u32, big-endian, then
// the same message a WebSocket driver would get or send. Everything else is an object with the member `op`.

/** Client to server, as a request: opens a port under a lease number of the client's; the answer is the port's number. */
export interface OpenRequest {
  readonly op: 'open';
  readonly lease: number;
  readonly protocol: Protocol;
  readonly port: number;
  readonly accept: readonly string[];
  readonly multicast: readonly string[];
  readonly key: string | undefined;
  readonly cert: string | undefined;
}

/** Client to server, as requests. */
export type LeaseRequest =
  | OpenRequest
  | { readonly op: 'release'; readonly lease: number }
  | { readonly op: 'close'; readonly lease: number; readonly device: Device };

/** Client to server, as messages: `credit` lets the server send that many bytes more; the first one starts the lease. */
export interface CreditMessage {
  readonly op: 'credit';
  readonly lease: number;
  readonly bytes: number;
}

/** Server to client, as messages. */
export type PortMessage =
  | { readonly op: 'opened' | 'closed'; readonly lease: number; readonly device: Device }
  | { readonly op: 'ended'; readonly lease: number; readonly code: string; readonly message: string };

/** Bytes of the window that one event costs besides its data, so that events without data are bounded too. */
export const eventCost = 64;
/** What a client lets its server send ahead of what was taken. */
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
  if (data.length < 4) throw malformed('it is too short');
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const read = from === 'client' ? decodeCommand : decodeMessage;
  return { lease: bytes.readUInt32BE(0), ...read(bytes.subarray(4)) };
}

/** @throws BusError `ERR_PROTOCOL` naming the member that is not as it should be. */
export function readLeaseRequest(data: unknown): LeaseRequest {
  const { op, ...rest } = membersOf(data);
  const lease = whole('lease', rest['lease']);
  switch (op) {
    case 'open': {
      const protocol = rest['protocol'];
      if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'tls') throw malformed('the protocol is unknown');
      const port = whole('port', rest['port']);
      if (port > 65_535) throw new BusError('ERR_INVALID_ARGUMENT', `${port} is no port`);
      return {
        op,
        lease,
        protocol,
        port,
        accept: texts('accept', rest['accept']),
        multicast: texts('multicast', rest['multicast'] ?? []),
        key: optionalText('key', rest['key']),
        cert: optionalText('cert', rest['cert']),
      };
    }
    case 'release':
      return { op, lease };
    case 'close':
      return { op, lease, device: deviceOf(rest['device']) };
    default:
      throw malformed('the op is unknown');
  }
}

/** @throws BusError `ERR_PROTOCOL` */
export function readCredit(data: unknown): CreditMessage {
  const { op, lease, bytes } = membersOf(data);
  if (op !== 'credit') throw malformed('the op is unknown');
  return { op, lease: whole('lease', lease), bytes: whole('bytes', bytes) };
}

/** @throws BusError `ERR_PROTOCOL` */
export function readPortMessage(data: unknown): PortMessage {
  const { op, lease: number, ...rest } = membersOf(data);
  const lease = whole('lease', number);
  if (op === 'opened' || op === 'closed') return { op, lease, device: deviceOf(rest['device']) };
  if (op !== 'ended') throw malformed('the op is unknown');
  return { op, lease, code: text('code', rest['code']), message: text('message', rest['message']) };
}

function membersOf(data: unknown): Record<string, unknown> {
  if (typeof data !== 'object' || data === null) throw malformed('it is no object');
  return Object.fromEntries(Object.entries(data));
}

function deviceOf(data: unknown): Device {
  const { id, address, port } = membersOf(data);
  return { id: whole('id', id), address: text('address', address), port: whole('port', port) };
}

function whole(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw malformed(`${name} is no whole number`);
  return value;
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw malformed(`${name} is no text`);
  return value;
}

function optionalText(name: string, value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : text(name, value);
}

function texts(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw malformed(`${name} is no list`);
  return value.map((entry: unknown) => text(name, entry));
}

function malformed(reason: string): BusError {
  return new BusError('ERR_PROTOCOL', `bad dispatch message: ${reason}`);
}
