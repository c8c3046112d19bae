import { codeOf, textOf } from './thrown.ts';
import { BusError } from './errors.ts';

/** An error as it travels to a peer: its code and message, and the details a `BusError` carries; never its stack. */
export interface RemoteFailure {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

/** What of `error` travels, which may be anything that was thrown: `ERR_REMOTE` where it has no code. */
export function toFailure(error: unknown): RemoteFailure {
  const code = codeOf(error) ?? 'ERR_REMOTE';
  const details = error instanceof BusError ? error.details : undefined;
  const message = textOf(error);
  return details === undefined ? { code, message } : { code, message, details };
}

/** The error that a peer failed with. */
export function fromFailure({ code, message, details }: RemoteFailure): BusError {
  return new BusError(code, message, details === undefined ? {} : { details });
}

/** Reads a failure that came over a link. @throws BusError `ERR_PROTOCOL` where its code or its message is not a text. */
export function readFailure(data: unknown): RemoteFailure {
  if (typeof data === 'object' && data !== null && 'code' in data && 'message' in data) {
    const { code, message } = data;
    if (typeof code === 'string' && typeof message === 'string') {
      const details = 'details' in data ? data.details : undefined;
      return details === undefined ? { code, message } : { code, message, details };
    }
  }
  throw new BusError('ERR_PROTOCOL', 'An error answer without code and message');
}
