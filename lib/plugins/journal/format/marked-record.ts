import { concat } from '../../../base/bytes.ts';
import { readUint32, writeUint32 } from '../log/record.ts';

const headBytes = 5;

/** What stands before the data of a record: its kind, and what is known of it. */
export function markedHead(kind: number, mark: object): Uint8Array {
  const text = Buffer.from(JSON.stringify(mark));
  const head = Buffer.alloc(headBytes);
  head[0] = kind;
  writeUint32(head, 1, text.length);
  return concat([head, text]);
}

/** Of one's own log; `data` is a part of `bytes`. */
export function readMarked(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly mark: unknown; readonly data: Uint8Array } {
  const dataAt = start + headBytes + readUint32(bytes, start + 1);
  const text = Buffer.from(bytes.subarray(start + headBytes, dataAt)).toString();
  return { mark: JSON.parse(text), data: bytes.subarray(dataAt, end) };
}
