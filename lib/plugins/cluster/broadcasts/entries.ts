import { allocateShared, asBuffer } from '../../../base/bytes.ts';
import { PacketKind } from '../wire/packet.ts';
import type { Seal } from '../wire/seal.ts';
import { isNodeName } from '../wire/subjects.ts';

/** A broadcast, or a part of one. */
export interface Entry {
  readonly sequence: number;
  /** Whether the rest of the broadcast follows. */
  readonly more: boolean;
  readonly bytes: Uint8Array;
}

/** Entries of one node, one after the other. */
export interface EntriesPacket {
  readonly node: string;
  readonly incarnation: number;
  readonly entries: readonly Entry[];
}

/** The bytes of one entry, at most. */
export const mostEntryBytes = 60_000;
/** The bytes of all entries of a packet, with what stands before each. */
const mostBytes = 65_000;
const entryHeaderBytes = 5;
const headerBytes = 1 + 1 + 8 + 6;

/** Packets of `entries`, which follow each other, in their order. */
export function* entryPackets(
  node: string,
  incarnation: number,
  entries: Iterable<Entry>,
  seal: Seal,
  subject: string,
): Generator<Uint8Array, void, void> {
  let batch: Entry[] = [];
  let size = 0;
  for (const entry of entries) {
    const bytes = entryHeaderBytes + entry.bytes.length;
    if (batch.length > 0 && size + bytes > mostBytes) {
      yield entryPacket(node, incarnation, batch, size, seal, subject);
      batch = [];
      size = 0;
    }
    batch.push(entry);
    size += bytes;
  }
  if (batch.length > 0) yield entryPacket(node, incarnation, batch, size, seal, subject);
}

function entryPacket(
  node: string,
  incarnation: number,
  entries: readonly Entry[],
  size: number,
  seal: Seal,
  subject: string,
): Uint8Array {
  const packet = asBuffer(allocateShared(headerBytes + node.length + size + seal.bytes));
  packet[0] = PacketKind.entries;
  packet[1] = node.length;
  packet.writeDoubleBE(incarnation, 2);
  packet.writeUIntBE(entries[0]?.sequence ?? 0, 10, 6);
  let at = headerBytes;
  at += packet.write(node, at, 'latin1');
  for (const { more, bytes } of entries) {
    packet[at] = more ? 1 : 0;
    packet.writeUInt32BE(bytes.length, at + 1);
    packet.set(bytes, at + entryHeaderBytes);
    at += entryHeaderBytes + bytes.length;
  }
  seal.close(packet, subject);
  return packet;
}

/** undefined for what is not such a packet, or a stranger's. The bytes are those of `packet`. */
export function readEntries(packet: Uint8Array, seal: Seal, subject: string): EntriesPacket | undefined {
  if (packet[0] !== PacketKind.entries) return undefined;
  const opened = seal.open(packet, subject);
  if (opened === undefined || opened.length < headerBytes) return undefined;
  const body = asBuffer(opened);
  const [, nameLength = 0] = body;
  const node = body.toString('latin1', headerBytes, headerBytes + nameLength);
  const incarnation = body.readDoubleBE(2);
  if (!isNodeName(node) || node.length !== nameLength || !Number.isSafeInteger(incarnation)) return undefined;
  let sequence = body.readUIntBE(10, 6);
  const entries: Entry[] = [];
  for (let at = headerBytes + nameLength; at < body.length; sequence++) {
    if (at + entryHeaderBytes > body.length) return undefined;
    const end = at + entryHeaderBytes + body.readUInt32BE(at + 1);
    if (end > body.length) return undefined;
    entries.push({ sequence, more: body[at] === 1, bytes: body.subarray(at + entryHeaderBytes, end) });
    at = end;
  }
  return { node, incarnation, entries };
}
