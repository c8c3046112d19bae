import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/text-of.ts';

/** What of an error travels: its code and message, and the details that a `BusError` carries; never its stack. */
export function failureOf(error: unknown): { code: string; message: string; details: unknown } {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'ERR_REMOTE';
  return { code, message: textOf(error), details: error instanceof BusError ? error.details : undefined };
}
