import { BusError } from '../../base/errors.ts';

/** What of an error travels: its code and message, and the details that a `BusError` carries; never its stack. */
export function failureOf(error: unknown): { code: string; message: string; details: unknown } {
  if (!(error instanceof Error)) return { code: 'ERR_REMOTE', message: String(error), details: undefined };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'ERR_REMOTE';
  return { code, message: error.message, details: error instanceof BusError ? error.details : undefined };
}
