import { Client, type ClientOptions, definePlugin, Server } from '../../lib/index.ts';
import { byContract, contracts } from '../contracts.ts';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';

const limits = {
  maxMessageBytes: 64 * 1_048_576,
  maxUnackedBytes: 64 * 1_048_576,
  maxUnauthorized: 20_000,
  max: 20_000,
};

const same = (data: object): object => data;

/** A lane of its own, for bulk data beside the user's messages. */
const bulkLane = definePlugin({
  name: 'bulk',
  server: (host) => ({ api: host.lane({ message: () => {} }) }),
  client: (host) => ({ api: host.lane({}) }),
});

/** `native`, and `contracts`, as the clients have them. */
export async function serveBusbar(
  path: string,
  handlers: Handlers,
  { native, contracts: own }: ClientOptions,
): Promise<ServerEnd> {
  const by = own === undefined ? same : byContract;
  const server = new Server({ path, native, contracts: own, ...limits });
  server.use(bulkLane);
  server.on('message', (data) => handlers.message(data));
  server.handle((data) => by(handlers.request(data) as object));
  await server.start();
  return {
    broadcast: (data) => server.broadcast(by(data)),
    survey: async (data) => (await server.survey(by(data))).filter(({ status }) => status === 'fulfilled').length,
    cut: () => {
      for (const connection of server.connections) connection.connection?.destroy();
    },
    close: () => server.close(),
  };
}

export async function connectBusbar(path: string, handlers: Handlers, options: ClientOptions): Promise<ClientEnd> {
  const { maxMessageBytes, maxUnackedBytes } = limits;
  const by = options.contracts === undefined ? same : byContract;
  const client = new Client({ path, maxMessageBytes, maxUnackedBytes, ...options });
  const lane = client.use(bulkLane);
  client.on('message', (data) => handlers.message(data));
  client.handle((data) => by(handlers.request(data) as object));
  await client.connect();
  return {
    send: (data) => client.send(by(data)),
    request: (data) => client.request(by(data)),
    bulk: (data) => lane.send(client, data),
    close: () => client.close(),
  };
}

function busbar(name: string, options: ClientOptions, more: Partial<Adapter> = {}): Adapter {
  return {
    name,
    loads: 'busbar',
    surveys: true,
    resumes: true,
    bulk: options.native !== false,
    ...more,
    serve: (path, handlers) => serveBusbar(path, handlers, options),
    connect: (path, handlers) => connectBusbar(path, handlers, options),
  };
}

export const busbarAdapters: readonly Adapter[] = [
  busbar('busbar', {}),
  busbar('busbar with contracts', { contracts }, { byNameOnly: true }),
  busbar('busbar deflate', { compress: true }),
  busbar('busbar as net-ipc JSON', { native: false }, { binary: false }),
  busbar('busbar as net-ipc MessagePack', { native: false, messagepack: true }),
  busbar('busbar as net-ipc deflate', { native: false, messagepack: true, compress: true }, { byNameOnly: true }),
];
