import { BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import type { Plugin } from '../../bus/plugin.ts';
import { type ClusterOptions, type ClusterSettings, clusterTable } from './options.ts';
import { NatsWire } from './wire/nats-wire.ts';
import { widerBy } from './world/wider.ts';
import { World } from './world/world.ts';

/** How long the node may take to leave as its server closes, which waits no longer than half of its own time. */
const closeTimeoutMs = 4_000;

/**
 * Joins a server to all others with the same `name`, over NATS: `server.use(cluster({ name, node, nats }))`. `use` throws
 * `ERR_INVALID_OPTION`, and `ERR_PLUGIN` on a client. `server.start()` does not wait for NATS: `world.ready` does.
 */
export function cluster(options: ClusterOptions): Plugin<World, never> {
  return {
    name: 'cluster',
    install: (host) => {
      const { clients, clock } = host;
      if (clients === undefined) throw new BusError('ERR_PLUGIN', 'cluster() is for servers');
      const settings = resolveOptions('cluster()', clusterTable, options);
      for (const name of ['name', 'node'] as const) {
        if (settings[name] === undefined)
          throw new BusError('ERR_INVALID_OPTION', `cluster() needs the option "${name}"`);
      }
      if (settings.deadAfterMs < 3 * settings.heartbeatMs) {
        throw new BusError('ERR_INVALID_OPTION', 'cluster() option "deadAfterMs" must be 3 times heartbeatMs at least');
      }
      const { nats: given, name, node, heartbeatMs } = settings;
      const incarnation = (): number => Date.now() * 1_000 + Math.floor(host.random.unit() * 1_000);
      const world = new World(host, clients, settings as ClusterSettings, incarnation, closeTimeoutMs, (events) => {
        return new NatsWire(
          { given, label: `busbar ${name} ${node ?? ''}`, pingMs: Math.max(500, heartbeatMs), clock },
          events,
        );
      });
      if (settings.transparent) clients.widen(widerBy(world, host));
      return { api: world, stats: () => world.counts() };
    },
  };
}
