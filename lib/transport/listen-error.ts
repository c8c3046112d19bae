import { codeOf } from '../base/code-of.ts';
import { BusError } from '../base/errors.ts';
import { textOf } from '../base/text-of.ts';

/**
 * `ERR_ADDRESS_IN_USE` or `ERR_LISTEN` for a listener that failed on `address`, with the system's error as cause; the
 * message begins with `who`, if given.
 */
export function listenError(address: string, cause: unknown, who?: string): BusError {
  const code = codeOf(cause) === 'EADDRINUSE' ? 'ERR_ADDRESS_IN_USE' : 'ERR_LISTEN';
  const subject = who === undefined ? '' : `${who} `;
  return new BusError(code, `${subject}cannot listen on ${address}: ${textOf(cause)}`, { cause });
}
