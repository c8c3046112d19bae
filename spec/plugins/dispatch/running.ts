import { type Client, type Server } from '../../../lib/index.ts';
import {
  type DevicePort,
  type DispatchOptions,
  type DispatchPorts,
  type DispatchServer,
  dispatch,
} from '../../../lib/plugins/dispatch/index.ts';
import { type Bus } from '../../support/buses.ts';

export interface Running {
  readonly server: Server;
  readonly dispatcher: DispatchServer;
  readonly client: Client;
  readonly ports: DispatchPorts;
}

export async function run(bus: Bus, options: DispatchOptions = {}): Promise<Running> {
  const plugin = dispatch({ closeTimeoutMs: 500, ...options });
  // Before or after the start is all the same, but for the WebSocket server, which the start waits for.
  const server = options.port === undefined ? await bus.server() : bus.newServer();
  const dispatcher = server.use(plugin);
  if (options.port !== undefined) await server.start();
  const { client, ports } = await join(bus);
  return { server, dispatcher, client, ports };
}

export async function join(bus: Bus): Promise<{ client: Client; ports: DispatchPorts }> {
  const client = bus.newClient();
  const ports = client.use(dispatch());
  await client.connect();
  return { client, ports };
}

/** Everything a port tells, as words. */
export function record(port: DevicePort): string[] {
  const told: string[] = [];
  port.on('opened', ({ id, address }) => told.push(`opened ${address} ${id}`));
  port.on('received', ({ id }, bytes) => told.push(`received ${id} ${bytes.toString()}`));
  port.on('closed', ({ id }) => told.push(`closed ${id}`));
  port.on('released', (reason) => told.push(`released ${reason?.code ?? ''}`.trim()));
  return told;
}
