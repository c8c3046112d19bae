import { BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import { definePlugin, type Plugin, type PluginHost, type PluginInstance } from '../../bus/plugin.ts';
import { type ChannelRelay, channelRelay } from './channel-relay.ts';
import { Rooms } from './client/rooms.ts';
import { type OfflineNetwork, processOffline } from './offline/offline-network.ts';
import { type ChannelsOptions, type RelayOptions, relayTable } from './options.ts';

/**
 * Named rooms with an owner and users, and topics: on a `Server` it is the relay, on a `Client` the way to it. `network`
 * is where offline channels meet; the process has one that everybody shares.
 */
export function channels(
  options: ChannelsOptions = {},
  network: OfflineNetwork = processOffline,
): Plugin<ChannelRelay, Rooms> {
  const resolved = resolveOptions('channels()', relayTable, options);
  return definePlugin<ChannelRelay, Rooms>({
    name: 'channels',
    server: (host) => channelRelay(host, resolved),
    client: (host) => clientSide(host, options, resolved, network),
  });
}

function clientSide(
  host: PluginHost,
  given: ChannelsOptions,
  options: RelayOptions,
  network: OfflineNetwork,
): PluginInstance<Rooms> {
  const [meaningless] = Object.keys(given);
  if (meaningless !== undefined) {
    throw new BusError(
      'ERR_INVALID_OPTION',
      `channels() option "${meaningless}" is the relay's: give it to server.use()`,
    );
  }
  const rooms = new Rooms(host, network, options);
  return { api: rooms, dispose: () => rooms.closeAll() };
}
