import { type ClientOptions, Client, Server, type ServerOptions } from 'busbar';

export interface Order {
  readonly number: number;
  readonly pieces: number;
}

/** The service: a stock that takes orders, each once. */
export async function openStock(options: ServerOptions, pieces: number): Promise<{ server: Server; left(): number }> {
  let left = pieces;
  const server = new Server(options);
  server.on('message', (order) => {
    left -= (order as Order).pieces;
  });
  await server.start();
  return { server, left: () => left };
}

/** Its customer: `order` resolves once the stock has taken the order. */
export async function openShop(
  options: ClientOptions,
): Promise<{ client: Client; order(order: Order): Promise<void> }> {
  const client = await new Client(options).connect();
  return { client, order: (order) => client.send(order, { confirm: true }) };
}
