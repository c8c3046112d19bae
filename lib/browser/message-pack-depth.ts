import { BusError, type ErrorCode } from '../base/errors.ts';
import { countBytes, fixedBytes } from '../wire/native/msgpack-token.ts';

/** Bodies up to this cannot nest deeply enough to hurt; they are not scanned. */
const scanBytes = 4_096;

/**
 * Refuses a MessagePack body that nests deeper than `maxDepth`, before anything is built of it.
 * Record definitions and references count as one level: their values follow the way map values do.
 * @throws BusError `code`.
 */
export function checkDepth(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxDepth: number,
  code: ErrorCode = 'ERR_PROTOCOL',
): void {
  if (end - start <= scanBytes) return;
  // One counter of values still to come for each open container.
  const open: number[] = [];
  let at = start;
  while (at < end) {
    const token = bytes[at] as number;
    at += 1;
    let children = 0;
    if (token < 0x80 || token >= 0xe0 || token === 0xc0 || token === 0xc2 || token === 0xc3) {
      // A small integer, or a record reference whose field count only the session's codec knows.
    } else if (token < 0x90) children = (token & 0xf) * 2;
    else if (token < 0xa0) children = token & 0xf;
    else if (token < 0xc0) at += token & 0x1f;
    else {
      const fixed = fixedBytes[token - 0xc0] as number;
      const counted = countBytes[token - 0xc0] as number;
      let count = 0;
      for (let i = 0; i < counted; i++) count = count * 256 + (bytes[at + i] ?? 0);
      at += counted + fixed;
      if (token === 0xdc || token === 0xdd) children = count;
      else if (token === 0xde || token === 0xdf) children = count * 2;
      else at += count;
    }
    if (children > 0) {
      open.push(children);
      if (open.length > maxDepth) throw new BusError(code, `A body nests deeper than ${maxDepth} levels`);
      continue;
    }
    for (let last = open.length - 1; last >= 0; last--) {
      const left = (open[last] as number) - 1;
      if (left > 0) {
        open[last] = left;
        break;
      }
      open.pop();
    }
  }
}
