import type { Writable } from 'node:stream';
import { transferError } from '../outcomes.ts';

/**
 * The promise, or a rejection `unreachable` as soon as `out` is closed: a source may be silent and a callback may never
 * come.
 */
export function untilClosed<T>(out: Writable, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(transferError('unreachable', 'The connection closed'));
    if (out.destroyed) closed();
    else out.once('close', closed);
    promise.then(resolve, reject).finally(() => out.off('close', closed));
  });
}

/** Resolves when everything written to `out` has left; rejects `unreachable` when it is closed before. */
export function untilFinished(out: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(transferError('unreachable', 'The connection closed'));
    if (out.destroyed) closed();
    out.once('close', closed);
    // `close` follows within the same turn, before anything that awaits another promise is told.
    out.once('finish', () => {
      out.off('close', closed);
      resolve();
    });
  });
}
