import { BusError } from '../../../lib/index.ts';
import { type Proxied, proxy, type ProxyOptions, remote, type RemoteOptions } from '../../../lib/plugins/rpc/index.ts';
import type { Meeting } from '../channels/meeting.ts';

export async function rejection(promise: Promise<unknown>): Promise<BusError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof BusError) return outcome;
  throw new Error(`no BusError but ${String(outcome)}`);
}

export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not so within 20 s: ${String(condition)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Two ends: what `offer` offers on one, a proxy made by `use` calls on the other. */
export interface World {
  readonly name: string;
  open(meeting: Meeting): Promise<Ends>;
}
export interface Ends {
  offer(object: object, options?: RemoteOptions): { dispose(): void };
  use<Contract extends object>(options?: ProxyOptions): Proxied<Contract>;
  /** Ends the session of the offering side. */
  leave(): void;
}

export const worlds: readonly World[] = [
  {
    name: 'from a user to the owner of a channel',
    open: async (meeting) => {
      const owner = await (await meeting.rooms()).create('room');
      const user = await (await meeting.rooms()).enter('room');
      return {
        offer: (object, options) => remote(owner, object, options),
        use: (options) => proxy(user, undefined, options),
        leave: () => owner.close(),
      };
    },
  },
  {
    name: 'from the owner of a channel to a user',
    open: async (meeting) => {
      const owner = await (await meeting.rooms()).create('room');
      const user = await (await meeting.rooms()).enter('room');
      await until(() => owner.users.size === 1);
      return {
        offer: (object, options) => remote(user, object, options),
        use: (options) => proxy(owner, 0, options),
        leave: () => user.leave(),
      };
    },
  },
  {
    name: 'in an offline channel',
    open: async (meeting) => {
      const rooms = await meeting.rooms();
      const offline = { offline: true, netLag: 0, netSpeed: Number.POSITIVE_INFINITY };
      const owner = await rooms.create('offline', offline);
      const user = await rooms.enter('offline', offline);
      return {
        offer: (object, options) => remote(owner, object, options),
        use: (options) => proxy(user, undefined, options),
        leave: () => owner.close(),
      };
    },
  },
  {
    name: 'from a Client to the Server',
    open: async (meeting) => {
      const [, client] = await meeting.client();
      return {
        offer: (object, options) => remote(meeting.server, object, options),
        use: (options) => proxy(client, undefined, options),
        leave: () => meeting.server.connections[0]?.destroy(),
      };
    },
  },
  {
    name: 'from a Connection to its Client',
    open: async (meeting) => {
      const [, client] = await meeting.client();
      await until(() => meeting.server.connections.length === 1);
      const connection = meeting.server.connections[0];
      if (connection === undefined) throw new Error('no connection');
      return {
        offer: (object, options) => remote(client, object, options),
        use: (options) => proxy(connection, undefined, options),
        leave: () => client.destroy(),
      };
    },
  },
];
