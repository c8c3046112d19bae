import { BusError } from '../../../base/errors.ts';
import { resolveOptions } from '../../../base/options.ts';
import { definePlugin, type Plugin, type PluginHost, type PluginInstance } from '../../../bus/plugin.ts';
import { type JointOptions, type JointSettings, jointTable } from '../joint-options.ts';
import { type HasRelayLane, type RelayLane, relayLane } from '../relay/relay-lane.ts';
import { JointServer } from './joint-server.ts';

export type { JointOptions } from '../joint-options.ts';

/** What `server.use(joint())` returns. */
export interface JointPort {
  /** The bound port; undefined before the server listens. */
  readonly port: number | undefined;
}

/**
 * Opens the joint protocol of peote-net beside `channels()`, which has to be installed before on the same server.
 * @throws BusError `ERR_INVALID_OPTION`; `use()` throws `ERR_PLUGIN` without channels, and on a client.
 */
export function joint(options: JointOptions = {}): Plugin<JointPort, never> {
  const settings = resolveOptions('joint()', jointTable, options);
  return definePlugin<JointPort, never>({
    name: 'joint',
    dependencies: ['channels'],
    server: (host) => jointPlugin(host, settings),
    client: () => {
      throw new BusError('ERR_PLUGIN', 'joint() is for a server');
    },
  });
}

function jointPlugin(host: PluginHost, settings: JointSettings): PluginInstance<JointPort> {
  const server = new JointServer(host, laneOf(host), settings);
  host.onStart(() => server.start());
  const close = (): Promise<void> => server.close();
  host.onClose(close);
  const api = {
    get port() {
      return server.port;
    },
  };
  return { api, dispose: close };
}

function laneOf(host: PluginHost): RelayLane {
  const relay = host.plugin('channels');
  if (hasRelayLane(relay)) return relay[relayLane];
  throw new BusError('ERR_PLUGIN', 'joint() needs the channels of busbar/channels');
}

function hasRelayLane(value: unknown): value is HasRelayLane {
  return typeof value === 'object' && value !== null && relayLane in value;
}
