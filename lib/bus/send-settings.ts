import { BusError } from '../base/errors.ts';
import { type AskOptions, askOptions } from './ask-options.ts';

/** How `send` may be told what to wait for, and for how long. */
export interface SendSettings {
  /** Waits until the peer has handled the message instead of until there is room for it. */
  readonly confirm?: boolean | undefined;
  /** Milliseconds; unless given, as with 0 and Infinity, the wait has no end of its own. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The same, checked. */
export interface SendOptions {
  readonly confirm: boolean;
  readonly until: AskOptions;
}

const known = new Set(['confirm', 'timeout', 'signal']);

/** undefined where nothing is asked for. Throws `ERR_INVALID_ARGUMENT`. */
export function sendOptions(given: SendSettings | undefined): SendOptions | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null || Object.keys(given).some((name) => !known.has(name))) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'send takes its settings as { confirm, timeout, signal }');
  }
  const { confirm, timeout, signal } = given;
  const until = askOptions({ timeout, signal }, undefined);
  if (confirm !== true && until.timeoutMs === undefined && signal === undefined) return undefined;
  return { confirm: confirm === true, until };
}
