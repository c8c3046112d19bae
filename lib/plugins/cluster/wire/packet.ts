import { allocateShared, asBuffer } from '../../../base/bytes.ts';
import type { Seal } from './seal.ts';

/** The first byte of each packet: the version of this protocol and what the packet is. */
export const PacketKind = {
  /** A message of the nodes', in MessagePack. */
  control: 0x10,
  /** Asks for a link. */
  open: 0x11,
  accept: 0x12,
  /** Bytes of a link. */
  data: 0x13,
  /** How many bytes of a link were acknowledged. */
  ack: 0x14,
  /** How many packets were sent on a link, so that the receiver notices missing ones. */
  sync: 0x15,
  end: 0x16,
  /** There is no such link, or none any more. */
  reset: 0x17,
  /** Asks for nothing: it shows whether somebody listens. */
  probe: 0x18,
  /** Broadcasts. */
  entries: 0x19,
} as const;

export const probePacket = new Uint8Array([PacketKind.probe]);

export const linkIdBytes = 8;
const headerBytes = 1 + linkIdBytes;

/**
 * A packet about the link `id`: its kind, the id, a count and a `payload` of the given size, to be filled and sealed.
 */
export function linkPacket(kind: number, id: Uint8Array, count: number, payloadBytes: number, seal: Seal): Buffer {
  const packet = asBuffer(allocateShared(headerBytes + 6 + payloadBytes + seal.bytes));
  packet[0] = kind;
  packet.set(id, 1);
  packet.writeUIntBE(count, headerBytes, 6);
  return packet;
}

/** Where the payload of such a packet begins. */
export const linkPayloadAt = headerBytes + 6;

/** The id of the link that `packet` is about, as a key; undefined where it is too short. */
export function linkIdOf(packet: Uint8Array): string | undefined {
  return packet.length < linkPayloadAt ? undefined : keyOf(packet.subarray(1, headerBytes));
}

export function keyOf(id: Uint8Array): string {
  return asBuffer(id).toString('latin1');
}

/** The count of a packet about a link. */
export function countOf(packet: Uint8Array): number {
  return asBuffer(packet).readUIntBE(headerBytes, 6);
}
