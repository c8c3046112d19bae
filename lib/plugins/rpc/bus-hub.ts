import { definePlugin, type Plugin, type PluginHost, type PluginInstance } from '../../bus/plugin.ts';
import { laneHub, type LaneHub } from './lane-hub.ts';

const install = (host: PluginHost): PluginInstance<LaneHub> => {
  const api = laneHub(host);
  return { api, stats: () => api.hub.counts() };
};

/** The plugin behind `remote` and `proxy` on a `Client`, a `Connection` or a `Server`. */
export const busRpc: Plugin<LaneHub> = definePlugin({ name: 'rpc', server: install, client: install });
