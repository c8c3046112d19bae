import type { Adapter } from 'socket.io-adapter';
import { resolveOptions } from '../../base/options.ts';
import type { Plugin } from '../../bus/plugin.ts';
import { BusAdapter, type Namespace } from './bus-adapter.ts';
import { HubCluster } from './hub-cluster.ts';
import { MemberCluster } from './member-cluster.ts';
import { hubTable, nodeTable, type SocketIoOptions } from './options.ts';

/** What `use(socketIo())` returns, on either side. */
export interface SocketIoNodes {
  /** For socket.io: `new Server(port, { adapter })`, or `io.adapter(adapter)`; any number of servers may have it. */
  readonly adapter: typeof Adapter;
}

/**
 * Servers of socket.io in many processes as one, over the bus: `server.use(socketIo())` at the hub, which may have such servers
 * too, and `client.use(socketIo())` in each other process. `use` throws `ERR_INVALID_OPTION` for what is not an option of that side.
 * With the plugin, `connect()` rejects with `ERR_UNAUTHORIZED` where the client may be no node, `ERR_UNAVAILABLE` where that was not
 * decided, `ERR_QUEUE_FULL` where it has too many namespaces, and `ERR_PEER_LACKS_FEATURE` where the server is not a hub. The
 * adapter throws `ERR_INVALID_OPTION` for a server with `connectionStateRecovery`.
 */
export function socketIo(options: SocketIoOptions = {}): Plugin<SocketIoNodes> {
  return {
    name: 'socket.io',
    install: (host) => {
      const cluster =
        host.side === 'server'
          ? new HubCluster(host, resolveOptions('socketIo()', hubTable, options))
          : new MemberCluster(host, resolveOptions('socketIo()', nodeTable, options));
      const adapter = class extends BusAdapter {
        constructor(namespace: Namespace) {
          super(namespace, cluster);
        }
      };
      return { api: { adapter } };
    },
  };
}
