import type { Writable } from 'node:stream';
import { transferError } from '../outcomes.ts';
import { type Payload, Scratch } from '../payload/payload.ts';
import type { Throttle } from '../throttle.ts';
import { untilClosed } from './until-closed.ts';

/** Less costs throughput, because each read of a file is a trip to another thread; more keeps the bus waiting. */
const portion = 128 * 1024;

export interface PumpOptions {
  readonly throttle?: Throttle | undefined;
  /** Called as bytes leave, with the position reached. */
  moved(position: number): void;
  /** Called once when the last byte was read, before it left. */
  read?(): void;
}

/**
 * Writes the payload from `start` to `end` (its own end if undefined) into `out`, reading one portion while the one before
 * leaves. Does not end `out`. Rejects when `out` closes or the payload is shorter than it was said to be.
 */
export async function pump(
  payload: Payload,
  start: number,
  end: number | undefined,
  out: Writable,
  { throttle, moved, read }: PumpOptions,
): Promise<void> {
  const slots = [new Scratch(), new Scratch()] as const;
  const flushed: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  const largest = Math.min(portion, throttle?.portion ?? portion);
  let turn: 0 | 1 = 0;
  let position = start;
  while (end === undefined || position < end) {
    await flushed[turn];
    const length = Math.min(largest, (end ?? Infinity) - position);
    const reading = payload.read(position, length, slots[turn]);
    const bytes = await (payload.size === undefined ? untilClosed(out, reading) : reading);
    if (bytes.length === 0) {
      if (end === undefined) break;
      throw transferError('mismatch', 'The content became shorter while it was sent');
    }
    payload.fingerprint.feed(position, bytes);
    await throttle?.take(bytes.length);
    const reached = position + bytes.length;
    flushed[turn] = write(out, bytes).then(() => moved(reached));
    flushed[turn].catch(() => {});
    position = reached;
    turn = turn === 0 ? 1 : 0;
  }
  read?.();
  await Promise.all(flushed);
}

function write(out: Writable, bytes: Uint8Array): Promise<void> {
  return untilClosed(
    out,
    new Promise((resolve, reject) => {
      out.write(bytes, (error) => (error ? reject(transferError('unreachable', error.message, error)) : resolve()));
    }),
  );
}
