import type { BusErrorOptions } from '../base/errors.ts';
import { textOf } from '../base/thrown.ts';

export type { BusErrorOptions, ErrorCode } from '../base/errors.ts';

/**
 * Stands in for `base/errors` in web pages: the same without the sentences, so
 * an error without a message of its own has its code as the message.
 */
export class BusError extends Error {
  readonly code: string;
  readonly details?: unknown;

  constructor(code: string, message?: string, options: BusErrorOptions = {}) {
    super(message ?? code, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'BusError';
    this.code = code;
    if (options.details !== undefined) this.details = options.details;
  }
}

export const errorCodes = {};

export function asBusError(error: unknown, code: string): BusError {
  if (error instanceof BusError) return error;
  const message = textOf(error);
  return new BusError(code, message, { cause: error });
}
