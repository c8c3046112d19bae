import { BusError } from '../base/errors.ts';

export interface SendSettings {
  /** Waits for the peer's acknowledgement instead of for room. */
  readonly confirm?: boolean | undefined;
}

const defaults: SendSettings = { confirm: false };

/** @throws BusError `ERR_INVALID_ARGUMENT`. */
export function sendSettings(given: SendSettings | undefined): SendSettings {
  if (given === undefined) return defaults;
  if (typeof given !== 'object' || given === null || Object.keys(given).some((name) => name !== 'confirm')) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'send takes its settings as { confirm }');
  }
  return given;
}
