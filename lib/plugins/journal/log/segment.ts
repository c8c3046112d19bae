import { checksum } from './checksum.ts';
import { readUint32, readUint48, writeUint48 } from './record.ts';

/**
 * What a segment begins with: "busbarJ1", the id of the folder (16 bytes), the id of the process that wrote it there (16
 * bytes), the first sequence that may be in it (u48), two zeros, and the CRC-32 of all that.
 */
export const segmentHeaderBytes = 52;

const magic = Buffer.from('busbarJ1', 'latin1');
const idBytes = 16;
const folderAt = 8;
const journalAt = 24;
const firstAt = 40;
const checksumAt = 48;

/** Who wrote a segment, and from where on. */
export interface SegmentMark {
  /** The id of the folder, which stays. */
  readonly folder: string;
  /** With each opening of the folder another one; base64url. */
  readonly journal: string;
  /** Every record of the segment has this sequence or a later one. */
  readonly first: number;
}

export function segmentHeader({ folder, journal, first }: SegmentMark): Uint8Array {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  magic.copy(bytes);
  bytes.write(folder, folderAt, idBytes, 'base64url');
  bytes.write(journal, journalAt, idBytes, 'base64url');
  writeUint48(bytes, firstAt, first);
  bytes.writeUInt32LE(checksum(bytes, 0, checksumAt, 0), checksumAt);
  return bytes;
}

/** Undefined for bytes that are not a header. */
export function readSegmentHeader(bytes: Uint8Array): SegmentMark | undefined {
  if (bytes.length < segmentHeaderBytes) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, segmentHeaderBytes);
  if (!header.subarray(0, magic.length).equals(magic)) return undefined;
  if (checksum(header, 0, checksumAt, 0) !== readUint32(header, checksumAt)) return undefined;
  const textAt = (at: number): string => header.toString('base64url', at, at + idBytes);
  return { folder: textAt(folderAt), journal: textAt(journalAt), first: readUint48(header, firstAt) };
}

/** Whether a segment begins so that another version of the format wrote it: nothing can be said of what is in it. */
export function isOfOtherVersion(bytes: Uint8Array): boolean {
  const name = Buffer.from(bytes.subarray(0, magic.length)).toString('latin1');
  if (!/^busbarJ[0-9A-Za-z]$/.test(name)) return false;
  const header = Buffer.from(bytes.subarray(0, segmentHeaderBytes));
  if (header.subarray(0, magic.length).equals(magic)) return false;
  // One of this version in which a bit was changed is damaged, and no other.
  magic.copy(header);
  return readSegmentHeader(header) === undefined;
}

/** Named by its first sequence, so that names sort as sequences do. */
export function segmentName(first: number): string {
  return `${String(first).padStart(16, '0')}.log`;
}

export function isSegmentName(name: string): boolean {
  return /^\d{16}\.log$/.test(name);
}
