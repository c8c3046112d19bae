import { BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import { definePlugin, type Plugin, type PluginHost, type PluginInstance } from '../../bus/plugin.ts';
import { Rooms } from './client/rooms.ts';
import { JointServer } from './joint/joint-server.ts';
import { type OfflineNetwork, processOffline } from './offline/offline-network.ts';
import { type ChannelsOptions, type RelayOptions, relayTable } from './options.ts';
import { Reason } from './reason.ts';
import { BusSide } from './relay/bus-side.ts';
import { Gatekeeper } from './relay/gatekeeper.ts';
import { Relay, type RoomInfo } from './relay/relay.ts';
import type { TopicListener } from './topics/subscriptions.ts';

/** What `server.use(channels())` returns: the relay. */
export interface ChannelRelay {
  /** The channels there are, the hidden ones left out. */
  list(): RoomInfo[];
  /** Ends a channel: its owner hears the error `CLOSE`, its users `disconnect` with `CLOSE`. False if there is none. */
  close(id: string): boolean;
  /** Sends to everybody who subscribed to the topic. */
  publish(topic: string, data: unknown): Promise<void>;
  /** Listens in this process; the function returned ends it. */
  subscribe(pattern: string, listener: TopicListener): () => void;
  /** The port of the joint protocol once the server listens. */
  readonly jointPort: number | undefined;
}

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
    server: (host) => relaySide(host, resolved),
    client: (host) => clientSide(host, options, resolved, network),
  });
}

function relaySide(host: PluginHost, options: RelayOptions): PluginInstance<ChannelRelay> {
  const report = (error: unknown): void => host.report(error);
  const relay = new Relay(host.clock, options.maxRooms);
  const gate = new Gatekeeper(options, report);
  const side = new BusSide(host, relay, options, gate);
  const { clock } = host;
  const { maxChannels, joint } = options;
  const jointServer =
    joint === undefined ? undefined : new JointServer({ clock, relay, gate, maxChannels, joint, report });
  if (jointServer !== undefined) host.onStart(() => jointServer.start());
  const close = async (): Promise<void> => {
    relay.closeAll(Reason.CLOSE);
    await jointServer?.close();
  };
  host.onClose(close);
  const api: ChannelRelay = {
    list: () => relay.list(),
    close: (id) => {
      const room = relay.named(id);
      if (room !== undefined) relay.revoke(room, Reason.CLOSE);
      return room !== undefined;
    },
    publish: (topic, data) => side.topics.publish(topic, data),
    subscribe: (pattern, listener) => side.topics.listen(pattern, listener),
    get jointPort() {
      return jointServer?.port;
    },
  };
  return { api, dispose: close };
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
  const rooms = new Rooms(host, network, new Gatekeeper(options, (error) => host.report(error)));
  return { api: rooms, dispose: () => rooms.closeAll() };
}
