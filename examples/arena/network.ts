import { Client, Server } from '../../lib/index.ts';
import { channels, type Rooms } from '../../lib/plugins/channels/index.ts';

/** Where a game is played. The game itself does not know which of the two it is. */
export interface Network {
  readonly name: string;
  /** What `create` and `enter` are given besides. */
  readonly place: { readonly offline?: boolean; readonly netLag?: number };
  /** A client of its own for a host or a player. */
  join(): Promise<Rooms>;
  close(): Promise<void>;
}

/** Everything in this process, without a socket, at the lag given. */
export function offlineNetwork(netLag: number): Network {
  const opened: Rooms[] = [];
  return {
    name: `offline, ${netLag} ms lag`,
    place: { offline: true, netLag },
    join: () => {
      const rooms = new Client({ url: 'memory:arena' }).use(channels());
      opened.push(rooms);
      return Promise.resolve(rooms);
    },
    close: () => {
      for (const rooms of opened) rooms.closeAll();
      return Promise.resolve();
    },
  };
}

/** A relay on a port of this machine, and a TCP connection for everybody. */
export async function tcpNetwork(): Promise<Network> {
  const server = new Server({ host: '127.0.0.1', port: 0 });
  server.use(channels());
  await server.start();
  const clients: Client[] = [];
  return {
    name: `TCP, port ${server.port}`,
    place: {},
    join: async () => {
      const client = new Client({ host: '127.0.0.1', port: server.port ?? 0 });
      clients.push(client);
      const rooms = client.use(channels());
      await client.connect();
      return rooms;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await server.close();
    },
  };
}
