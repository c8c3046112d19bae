import { createConnection } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { type Client, definePlugin, type Lane } from '../../lib/index.ts';
import { type ChannelRelay, channels, type Rooms } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway } from '../../lib/plugins/gateway/index.ts';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { type Fails, ignore, type Methods, reported, type Row, type World } from '../support/bug-world.ts';
import { sleep } from '../support/buses.ts';

function laneRows(): Record<string, Row> {
  type Hooks = Partial<Record<'message' | 'request' | 'connect' | 'disconnect' | 'link' | 'close', Fails>>;
  const hooked = (hooks: Hooks, also?: (lane: Lane) => void) => {
    const open = (host: Parameters<Parameters<typeof definePlugin>[0]['server']>[0]): { api: Lane } => {
      const { message, request } = hooks;
      const lane = host.lane({ ...(message && { message }), ...(request && { request }) });
      if (hooks.connect) host.onConnect(hooks.connect);
      if (hooks.disconnect) host.onDisconnect(hooks.disconnect);
      if (hooks.link) host.onLink(hooks.link);
      if (hooks.close) host.onClose(hooks.close);
      also?.(lane);
      return { api: lane };
    };
    return definePlugin<Lane, Lane>({ name: 'hooked', server: open, client: open });
  };
  const row = (hook: keyof Hooks, run: (world: World, lane: Lane) => Promise<unknown>): Row => ({
    at: 'server',
    ...(hook === 'close' ? {} : { peer: true as const }),
    run: async (world) => {
      let lane: Lane | undefined;
      await world.with({}, {}, (server, client) => {
        server.use(hooked({ [hook]: world.fails }));
        lane = client.use(hooked({}));
      });
      await run(world, lane!);
    },
  });
  return {
    'a lane of a plugin, message': row('message', (world, lane) => lane.send(world.client, 1)),
    'a lane of a plugin, request': row('request', (world, lane) => ignore(lane.request(world.client, 1))),
    'a plugin, onConnect': row('connect', () => Promise.resolve()),
    'a plugin, onDisconnect': row('disconnect', (world) => world.client.close()),
    'a plugin, onLink': row('link', async (world) => {
      for (const pair of world.faults.pairs) pair.cut();
      await sleep(5);
      world.reports.splice(1);
    }),
    'a plugin, onClose': row('close', (world) => world.server.close()),
  };
}

function rpcRows(): Record<string, Row> {
  return {
    'a method of a server': {
      at: 'server',
      peer: true,
      run: async (world) => {
        await world.with();
        remote(world.server, { work: world.fails });
        await ignore(proxy<Methods>(world.client).work());
      },
    },
    'a method of a client': {
      at: 'client',
      run: async (world) => {
        await world.with();
        remote(world.client, { work: world.fails });
        await ignore(proxy<Methods>(world.server, world.connection).work());
      },
    },
    'a method that is told': {
      at: 'server',
      peer: true,
      run: async (world) => {
        await world.with();
        remote(world.server, { work: world.fails });
        await proxy<Methods>(world.client).$notify.work();
      },
    },
    'a callback among arguments': {
      at: 'client',
      run: async (world) => {
        await world.with();
        remote(world.server, { work: (callback: () => Promise<unknown>) => ignore(callback()) });
        await proxy<Methods>(world.client).work(world.fails);
      },
    },
    'a stream that a method returned': {
      at: 'server',
      peer: true,
      run: async (world) => {
        await world.with();
        remote(world.server, {
          work: async function* () {
            yield 1;
            await Promise.resolve();
            return world.fails();
          },
        });
        const stream = await proxy<Methods>(world.client).work();
        const read = async (): Promise<void> => {
          for await (const _ of stream);
        };
        await ignore(read());
      },
    },
    'what makes an object for each side': {
      at: 'server',
      peer: true,
      throwsOnly: true,
      run: async (world) => {
        await world.with();
        remote(world.server, (): object => world.fails());
        await ignore(proxy<Methods>(world.client).work());
      },
    },
  };
}

function channelRows(): Record<string, Row> {
  interface Met {
    readonly relay: ChannelRelay;
    readonly rooms: Rooms;
    /** Those of another client. */
    other(): Promise<Rooms>;
  }
  const row = (
    at: Row['at'],
    run: (world: World, met: Met) => Promise<unknown>,
    more: { readonly relay?: (world: World) => object; readonly peer?: true; readonly throwsOnly?: true } = {},
  ): Row => ({
    at,
    ...(more.peer && { peer: true as const }),
    ...(more.throwsOnly && { throwsOnly: true as const }),
    run: async (world) => {
      let relay: ChannelRelay | undefined;
      let rooms: Rooms | undefined;
      await world.with({}, {}, (server, client) => {
        relay = server.use(channels(more.relay?.(world)));
        rooms = client.use(channels());
      });
      const other = async (): Promise<Rooms> => {
        const client = world.newClient();
        const second = client.use(channels());
        await client.connect();
        return second;
      };
      await run(world, { relay: relay!, rooms: rooms!, other });
    },
  });
  return {
    'channels, authorize': row('server', (_world, { rooms }) => ignore(rooms.create('room')), {
      relay: ({ fails }) => ({ authorize: fails }),
      peer: true,
    }),
    'channels, identify': row('server', (_world, { rooms }) => ignore(rooms.create('room')), {
      relay: ({ fails }) => ({ identify: fails }),
      peer: true,
      throwsOnly: true,
    }),
    'channels, onCreate': row('client', ({ fails }, { rooms }) => rooms.create('room', { onCreate: fails })),
    'channels, onError of a create': row('client', async ({ fails }, { rooms }) => {
      await rooms.create('room');
      await ignore(rooms.create('room', { onError: fails }));
    }),
    'channels, a listener of an owner': row('client', async ({ fails }, { rooms, other }) => {
      const owner = await rooms.create('room');
      owner.on('userConnect', fails);
      await (await other()).enter('room');
    }),
    'channels, onEnter': row('client', async ({ fails }, { rooms, other }) => {
      await rooms.create('room');
      await (await other()).enter('room', { onEnter: fails });
    }),
    'channels, a topic listener of a client': row('client', async ({ fails }, { rooms, relay }) => {
      rooms.subscribe('topic', fails);
      await rooms.list();
      await relay.publish('topic', 1);
    }),
    'channels, a topic listener of the relay': row('server', async ({ fails }, { relay }) => {
      relay.subscribe('topic', fails);
      await relay.publish('topic', 1);
    }),
  };
}

function dispatchRows(): Record<string, Row> {
  return {
    'dispatch, log': {
      at: 'server',
      run: async (world) => {
        await world.with({}, {}, (server) => server.use(dispatch({ log: world.fails })));
        await world.server.close();
        world.reports.splice(1);
      },
    },
    'dispatch, allow': {
      at: 'server',
      peer: true,
      run: async (world) => {
        let ports: { tcp(options: object): Promise<unknown> } | undefined;
        await world.with({}, {}, (server, client) => {
          server.use(dispatch({ allow: world.fails }));
          ports = client.use(dispatch());
        });
        await ignore(ports!.tcp({ port: 0, accept: '127.0.0.1' }));
      },
    },
    'dispatch, a listener of a port': {
      at: 'client',
      run: async (world) => {
        let ports: ReturnType<typeof clientPorts> | undefined;
        await world.with({}, {}, (server, client) => {
          server.use(dispatch({ deviceHost: '127.0.0.1' }));
          ports = clientPorts(client);
        });
        const port = await ports!.tcp({ port: 0, accept: '127.0.0.1' });
        port.on('opened', world.fails);
        const device = createConnection({ host: '127.0.0.1', port: port.port });
        await reported(world);
        device.destroy();
      },
    },
  };
}

const clientPorts = (client: Client) => client.use(dispatch());

function gatewayRows(): Record<string, Row> {
  return {
    'gateway, a handler of a worker': {
      at: 'client',
      run: async (world) => {
        const { face, web } = await gatewayOf(world);
        web.http.on('HTTP_REQUEST_FINISHED', world.fails);
        await web.http.addRoute('/', 'GET');
        const answer = await fetch(`http://127.0.0.1:${face.http?.port}/`, { headers: { connection: 'close' } });
        expect(answer.status).to.equal(500);
        await answer.text();
      },
    },
    'gateway, a WebSocket handler of a worker': {
      at: 'client',
      run: async (world) => {
        const { face, web } = await gatewayOf(world);
        web.websocket.on('WEBSOCKET_CONNECTION_ESTABLISHED', world.fails);
        await web.websocket.takeClients();
        const page = new WebSocket(`ws://127.0.0.1:${face.websocket?.port}`);
        page.on('error', () => undefined);
        await reported(world);
        page.terminate();
      },
    },
    'gateway, workers': {
      at: 'server',
      peer: true,
      throwsOnly: true,
      run: async (world) => {
        const { web } = await gatewayOf(world, { workers: world.fails });
        await ignore(web.http.addRoute('/', 'GET'));
      },
    },
    'gateway, authorize': {
      at: 'server',
      run: async (world) => {
        const { face } = await gatewayOf(world, {
          browser: { port: 0, path: '/', origins: 'any', authorize: world.fails },
        });
        const page = new WebSocket(`ws://127.0.0.1:${face.browser?.port}`);
        page.on('error', () => undefined);
        await reported(world);
        page.terminate();
      },
    },
  };
}

async function gatewayOf(world: World, options: object = {}) {
  const server = world.newServer();
  const client = world.newClient();
  const servers = { http: { port: 0, deferred: false }, websocket: { port: 0, deferred: false } };
  const face = server.use(gateway({ ...servers, ...options }));
  const web = client.use(gateway());
  await world.open();
  return { face, web };
}

/** The callbacks that plugins are given. */
export const pluginRows: Record<string, Row> = {
  ...laneRows(),
  ...rpcRows(),
  ...channelRows(),
  ...dispatchRows(),
  ...gatewayRows(),
};
