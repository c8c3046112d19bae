import { BusError } from './errors.ts';

/**
 * Checks the names in what a call was given beside its data; `callTakes` begins the sentence that says which there are.
 * @throws BusError `ERR_INVALID_ARGUMENT` for what is no object, or has a name that is not `known`.
 */
export function checkSettings(callTakes: string, known: readonly string[], given: object): void {
  const isObject = typeof given === 'object' && given !== null;
  const wrong = isObject ? Object.keys(given).find((name) => !known.includes(name)) : '';
  if (wrong === undefined) return;
  const but = isObject ? `, not "${wrong}"` : '';
  throw new BusError('ERR_INVALID_ARGUMENT', `${callTakes} { ${known.join(', ')} }${but}`);
}

/** @throws BusError `ERR_INVALID_ARGUMENT` for anything but `true` and `false`. */
export function checkSwitch(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new BusError('ERR_INVALID_ARGUMENT', `${name} must be true or false`);
}
