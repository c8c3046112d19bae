import { checkSettings, checkSwitch } from '../base/settings.ts';
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

const known = ['confirm', 'timeout', 'signal'];

/** undefined where nothing is asked for. Throws `ERR_INVALID_ARGUMENT`. */
export function sendOptions(given: SendSettings | undefined): SendOptions | undefined {
  if (given === undefined) return undefined;
  checkSettings('send takes its settings as', known, given);
  const { confirm = false, timeout, signal } = given;
  checkSwitch('confirm', confirm);
  const until = askOptions({ timeout, signal }, undefined);
  if (!confirm && until.timeoutMs === undefined && signal === undefined) return undefined;
  return { confirm, until };
}
