import { BusError } from '../base/errors.ts';

export interface StartSettings {
  /** Takes a live unix path over from the server that has it; that one drains and closes by itself. */
  readonly takeover?: boolean | undefined;
}

/** @throws BusError `ERR_INVALID_ARGUMENT`. */
export function startSettings(given: StartSettings = {}): StartSettings {
  if (typeof given !== 'object' || given === null) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'start takes its settings as { takeover }');
  }
  for (const name of Object.keys(given)) {
    if (name !== 'takeover') throw new BusError('ERR_INVALID_ARGUMENT', `start has no setting "${name}"`);
  }
  if (given.takeover !== undefined && typeof given.takeover !== 'boolean') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'takeover must be true or false');
  }
  return given;
}
