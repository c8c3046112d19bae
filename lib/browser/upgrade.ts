import { BusError } from '../base/errors.ts';

/**
 * Stands in for `wire/opening/upgrade` in web pages: a WebSocket was upgraded
 * already, so no link opens by an upgrade of its own.
 */
export function upgradeRequest(): never {
  throw new BusError('ERR_STATE');
}

export const headEnd = upgradeRequest;
export const statusLine = upgradeRequest;
