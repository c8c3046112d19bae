import type { PluginHost } from '../../bus/plugin.ts';
import type { World } from './world/world.ts';

export { SpanningLane } from './spanning/spanning-lane.ts';

/** The world that a server was made a node of before, for plugins that span nodes; undefined where there is none. */
export function worldOf(host: Pick<PluginHost, 'plugin'>): World | undefined {
  const plugin = host.plugin('cluster');
  return isWorld(plugin) ? plugin : undefined;
}

/** A plugin of that name may be somebody else's. */
function isWorld(plugin: unknown): plugin is World {
  return typeof plugin === 'object' && plugin !== null && 'lane' in plugin && 'nodes' in plugin;
}
