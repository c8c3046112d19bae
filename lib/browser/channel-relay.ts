import { BusError } from '../base/errors.ts';

/** Stands in for `plugins/channels/channel-relay` in web pages: no page is a relay. */
export function channelRelay(): never {
  throw new BusError('ERR_STATE');
}
