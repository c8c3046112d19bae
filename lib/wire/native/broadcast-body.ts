import { BodyPacker } from './body-codec.ts';
import { Encoding } from './header.ts';
import { isRaw, rawBytes, rawKind } from './raw-body.ts';

const scratchBytes = 16_384;

/** Without records a packer has no state of its own, so one serves all broadcasts. */
const packer = new BodyPacker(false);
const scratch = typeof Buffer === 'function' ? Buffer.alloc(scratchBytes) : new Uint8Array(scratchBytes);

/**
 * A body that every peer takes: it refers to nothing that one session has defined.
 * @throws BusError `ERR_UNENCODABLE`.
 */
export function broadcastBody(data: unknown): { readonly encoding: number; readonly body: Uint8Array } {
  if (data === undefined) return { encoding: Encoding.none, body: new Uint8Array(0) };
  if (isRaw(data)) {
    const bytes = rawBytes(data);
    const body = new Uint8Array(1 + bytes.length);
    body[0] = rawKind(data);
    body.set(bytes, 1);
    return { encoding: Encoding.raw, body };
  }
  const { buffer, start, end } = packer.pack(data, scratch, 0, 0);
  const packed = buffer.subarray(start, end);
  return { encoding: Encoding.plain, body: buffer === scratch ? new Uint8Array(packed) : packed };
}
