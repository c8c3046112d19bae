import { BusError } from '../../base/errors.ts';
import type { Plugin } from '../../bus/plugin.ts';
import { type Rooms, roomsPlugin } from './client/rooms.ts';
import { type OfflineNetwork, processOffline } from './client/offline-rooms.ts';
import type { ChannelsOptions } from './relay-options.ts';

// The entry of web pages, where no relay and no joint protocol can be: what `index.ts` exports, without them.
export { Rooms } from './client/rooms.ts';
export { callPort } from './ends/call-port.ts';
export { OwnerEnd } from './ends/owner-end.ts';
export { UserEnd } from './ends/user-end.ts';
export { BytesInput } from './joint-bytes/bytes-input.ts';
export { BytesOutput } from './joint-bytes/bytes-output.ts';
export { OfflineNetwork } from './client/offline-rooms.ts';
export { ChannelError, Reason } from './reason.ts';

/** As `channels` in Node, for a `Client`. @throws BusError `ERR_PLUGIN` for the option `joint`. */
export function channels(
  options: ChannelsOptions = {},
  network: OfflineNetwork = processOffline,
): Plugin<never, Rooms> {
  if (options.joint !== undefined) throw new BusError('ERR_PLUGIN', 'A page cannot be a relay');
  return { name: 'channels', install: (host) => roomsPlugin(host, options, network) };
}
