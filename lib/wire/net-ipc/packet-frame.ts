import { BusError } from '../../base/errors.ts';
import { readFailure } from '../../base/failure.ts';
import type { Frame, RequestId } from '../frames.ts';
import { asRefusal } from '../handshake/refusal.ts';
import { idOfAnswer, isNonce } from './nonce.ts';
import { packetType } from './packet-type.ts';

interface Packet {
  readonly t?: unknown;
  readonly d?: unknown;
  readonly n?: unknown;
  readonly e?: unknown;
}

/** The frame a decoded packet stands for; undefined for types nobody knows. Throws `ERR_PROTOCOL`. */
export function frameOfPacket(value: unknown, size: number): Frame | undefined {
  if (typeof value !== 'object' || value === null) throw new BusError('ERR_PROTOCOL', 'A packet is no object.');
  const packet: Packet = value;
  switch (packet.t) {
    case packetType.message:
      return { type: 'message', lane: 0, data: packet.d, confirm: false, size };
    case packetType.request:
      return { type: 'request', lane: 0, id: nonceOf(packet), data: packet.d, timeoutMs: undefined, size };
    case packetType.response: {
      const id = idOfAnswer(nonceOf(packet));
      if (packet.e === undefined) return { type: 'response', lane: 0, id, data: packet.d, size };
      return { type: 'failure', lane: 0, id, error: readFailure(packet.e), size };
    }
    case packetType.ping:
      return { type: 'ping', id: nonceOf(packet), data: packet.d, size };
    case packetType.pong: {
      const id = idOfAnswer(nonceOf(packet));
      return id === 0 ? { type: 'heartbeat-reply', size } : { type: 'pong', id, data: packet.d, size };
    }
    case packetType.end: {
      const { reason, allowReconnect, code } = asRefusal(packet.d);
      return { type: 'end', reason, allowReconnect, code, size };
    }
    case packetType.connection:
      throw new BusError('ERR_PROTOCOL', 'A second CONNECTION packet came.');
    default:
      if (typeof packet.t !== 'number') throw new BusError('ERR_PROTOCOL', 'A packet has no type.');
      return undefined;
  }
}

function nonceOf(packet: Packet): RequestId {
  if (!isNonce(packet.n)) throw new BusError('ERR_PROTOCOL', 'A packet lacks the nonce its type needs.');
  return packet.n;
}
