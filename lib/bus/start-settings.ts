import { BusError } from '../base/errors.ts';
import { checkSettings } from '../base/settings.ts';

export interface StartSettings {
  /** Takes a live unix path over from the server that has it; that one drains and closes by itself. */
  readonly takeover?: boolean | undefined;
}

/** @throws BusError `ERR_INVALID_ARGUMENT`. */
export function startSettings(given: StartSettings = {}): StartSettings {
  checkSettings('start takes', ['takeover'], given);
  if (given.takeover !== undefined && typeof given.takeover !== 'boolean') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'takeover must be true or false');
  }
  return given;
}
