import { resolveOptions } from '../../base/options.ts';
import { definePlugin, type Plugin, type PluginHost, type PluginInstance } from '../../bus/plugin.ts';
import { type Rooms, roomsPlugin } from './client/rooms.ts';
import type { JointServer } from './joint/joint-server.ts';
import { jointTable } from './joint-options.ts';
import type { RoomInfo } from './lane-messages.ts';
import { type OfflineNetwork, processOffline } from './client/offline-rooms.ts';
import { Reason } from './reason.ts';
import { type ChannelsOptions, type RelayOptions, relayTable } from './relay-options.ts';
import { type HasRelayLane, RelayLane, relayLane } from './relay/relay-lane.ts';
import type { TopicListener } from './topics/subscriptions.ts';

/** What `server.use(channels())` returns: the relay. */
export interface ChannelRelay {
  /** The channels there are, the hidden ones left out. */
  list(): RoomInfo[];
  /** Ends a channel: its owner gets the error `CLOSE`, its users `disconnect` with `CLOSE`. False if there is none. */
  close(id: string): boolean;
  /** Sends to everybody who subscribed to the topic. */
  publish(topic: string, data: unknown): Promise<void>;
  /** Listens in this process; the function returned ends it. */
  subscribe(pattern: string, listener: TopicListener): () => void;
  /** The port that the option `joint` opened; undefined before the server listens. */
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
    server: (host) => relayPlugin(host, resolved),
    client: (host) => roomsPlugin(host, options, network),
  });
}

function relayPlugin(host: PluginHost, options: RelayOptions): PluginInstance<ChannelRelay> {
  const lane = new RelayLane(host, options);
  const { relay, topics } = lane;
  let joint: JointServer | undefined;
  let closed = false;
  if (options.joint !== undefined) {
    const resolved = resolveOptions('channels({ joint })', jointTable, options.joint);
    host.onStart(async () => {
      // Most relays speak no joint protocol, and do without the HTTP and WebSocket servers that it stands on.
      const { JointServer: Joint } = await import('./joint/joint-server.ts');
      if (closed) return;
      joint = new Joint(host, lane, resolved);
      await joint.start();
    });
  }
  const close = async (): Promise<void> => {
    closed = true;
    relay.closeRooms(Reason.CLOSE);
    await joint?.close();
  };
  host.onClose(close);
  const api: ChannelRelay & HasRelayLane = {
    list: () => relay.listed(),
    close: (id) => {
      const room = relay.named(id);
      if (room !== undefined) relay.revoke(room, Reason.CLOSE);
      return room !== undefined;
    },
    publish: (topic, data) => topics.publish(topic, data),
    subscribe: (pattern, listener) => topics.listen(pattern, listener),
    get jointPort() {
      return joint?.port;
    },
    [relayLane]: lane,
  };
  const stats = (): object => ({
    rooms: relay.size,
    users: relay.countUsers(),
    subscriptions: topics.subscriptions,
  });
  return { api, dispose: close, stats };
}
