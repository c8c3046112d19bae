import { resolveOptions } from '../../base/options.ts';
import type { Plugin } from '../../bus/plugin.ts';
import { ServicesHub } from './services-hub.ts';
import { type HubOptions, hubTable, type MemberOptions, memberTable } from './services-options.ts';
import { Services } from './services.ts';

/**
 * Services of many processes around one hub: `server.use(services())` at the hub, `client.use(services({ name }))` at each
 * other member. `use` throws `ERR_INVALID_OPTION` for options of the peer, and `ERR_UNENCODABLE` or `ERR_TOO_LARGE` for `meta`.
 * With the plugin, `connect()` rejects with `ERR_NAME_TAKEN` where another member has the name, `ERR_QUEUE_FULL` where there are as many
 * as may be, and `ERR_PEER_LACKS_FEATURE` where the server is not a hub.
 */
export function services(options: MemberOptions | HubOptions = {}): Plugin<ServicesHub, Services> {
  return {
    name: 'services',
    install: (host) => {
      const api =
        host.side === 'server'
          ? new ServicesHub(host, resolveOptions('services()', hubTable, options))
          : new Services(host, resolveOptions('services()', memberTable, options));
      return { api, stats: () => api.counts() };
    },
  };
}
