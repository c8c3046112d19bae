import { BusError } from '../../base/errors.ts';
import { checkSettings, checkSwitch } from '../../base/options.ts';
import type { Plugin } from '../../bus/plugin.ts';
import { Crew, type FleetSettings } from './crew.ts';
import type { Groups } from './group-options.ts';

/**
 * The processes of a server: `const crew = server.use(fleet({ zones: { file: 'zone.js', count: 4 } }))`, then `await crew.start()`.
 * They reach the server by `new Client({ url: 'parent:' })`. `use` throws `ERR_INVALID_OPTION` for what a group does not take, for
 * groups that come after unknown ones or after each other in a circle, and `ERR_PLUGIN` on a client.
 */
export function fleet(groups: Groups, settings: FleetSettings = {}): Plugin<Crew, never> {
  return {
    name: 'fleet',
    install: (host) => {
      if (host.side === 'client') throw new BusError('ERR_PLUGIN', "A fleet is a server's: server.use(fleet({ … }))");
      checkSettings('fleet takes', ['print'], settings);
      if (settings.print !== undefined) checkSwitch('print', settings.print);
      const api = new Crew(host, groups, settings);
      return { api, stats: () => api.counts() };
    },
  };
}
