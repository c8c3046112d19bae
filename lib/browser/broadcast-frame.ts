import { BusError } from '../base/errors.ts';

/** Stands in for `wire/native/broadcast-frame` in web pages: a page has one peer. */
export function broadcastFrame(): never {
  throw new BusError('ERR_STATE');
}
