import type { PeerHandle, PluginHost, PluginInstance } from '../../bus/plugin.ts';
import { JointServer } from './joint/joint-server.ts';
import type { RelayOptions } from './options.ts';
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

/** The plugin on a `Server`. Web pages do without it and all it stands on, in their build. */
export function channelRelay(host: PluginHost, options: RelayOptions): PluginInstance<ChannelRelay> {
  const report = (error: unknown, peer?: PeerHandle): void => host.report(error, peer);
  const relay = new Relay(host.clock, options.maxRooms);
  const gate = new Gatekeeper(options, host.clock, report);
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
