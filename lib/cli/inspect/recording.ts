import { BusError } from '../../base/errors.ts';
import { MessageCodec } from '../../bus/requests/message-requests.ts';

/** What came to a server, in order. */
export interface Recorded {
  /** Milliseconds after the recording began. */
  readonly at: number;
  /** Which client it was from: a number of the recording's own. */
  readonly peer: number;
  readonly kind: 'message' | 'request';
  /** The value, as the codec of the bus writes it. */
  readonly body: Uint8Array;
}

const magic = 'busbar recording 1\n';
const kinds = ['message', 'request'] as const;
/** Time, peer, kind, length of the body. */
const headBytes = 8 + 4 + 1 + 4;
const mostBodyBytes = 2_147_483_648;

/** What a recording begins with. */
export const recordingHead = (): Uint8Array => Buffer.from(magic);

/** One entry of a recording. */
export function recordingEntry({ at, peer, kind, body }: Recorded): Uint8Array {
  const entry = Buffer.allocUnsafe(headBytes + body.length);
  entry.writeDoubleBE(at, 0);
  entry.writeUInt32BE(peer, 8);
  entry.writeUInt8(kinds.indexOf(kind), 12);
  entry.writeUInt32BE(body.length, 13);
  entry.set(body, headBytes);
  return entry;
}

/** The entries of a recording, of which `chunks` are the bytes. Throws `ERR_INVALID_ARGUMENT` for anything else. */
export async function* readRecording(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Recorded, void, void> {
  let held = Buffer.alloc(0);
  let isBegun = false;
  for await (const chunk of chunks) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    let at = 0;
    if (!isBegun) {
      if (held.length < magic.length) continue;
      if (held.toString('latin1', 0, magic.length) !== magic) throw invalid('it does not begin as a recording does');
      isBegun = true;
      at = magic.length;
    }
    while (held.length - at >= headBytes) {
      const length = held.readUInt32BE(at + 13);
      const kind = kinds[held.readUInt8(at + 12)];
      if (kind === undefined || length > mostBodyBytes) throw invalid('it is damaged');
      if (held.length - at - headBytes < length) break;
      const start = at + headBytes;
      yield {
        at: held.readDoubleBE(at),
        peer: held.readUInt32BE(at + 8),
        kind,
        body: new Uint8Array(held.subarray(start, start + length)),
      };
      at = start + length;
    }
    held = held.subarray(at);
  }
  // The last entry of a recording that was cut off is no entry.
  if (!isBegun) throw invalid('it does not begin as a recording does');
}

const codec = new MessageCodec();

/** The value of an entry. @throws BusError `ERR_PROTOCOL`. */
export const valueOf = ({ body }: Recorded): unknown => codec.decode(body);

function invalid(why: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', `This is not a recording: ${why}`);
}
