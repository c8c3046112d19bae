import { Server } from 'busbar';
import { gateway } from 'busbar/gateway';
import { serveSite } from './site.ts';
import { World } from './world.ts';

export interface StageSettings {
  /** Where bots connect. */
  readonly path: string;
  /** Of the page; 0 takes a free one. */
  readonly port: number;
  /** Of the gateway; 0 chooses a free one. */
  readonly gatewayPort: number;
  readonly host?: string | undefined;
  readonly ticksPerSecond?: number | undefined;
}

export interface Stage {
  readonly world: World;
  readonly url: string;
  close(): Promise<void>;
}

/** Opens the world: the bus for bots, the gateway for pages, and the page. */
export async function openStage({ path, port, gatewayPort, host, ticksPerSecond = 20 }: StageSettings): Promise<Stage> {
  const world = new World();
  const server = new Server({ path });
  // The page comes from one port and talks to another, so its origin has to be let in by name or not be asked for.
  const web = server.use(gateway({ http: { port, host }, browser: { port: gatewayPort, host, origins: 'any' } }));
  server.on('disconnect', (connection) => world.leave(connection.id));
  server.on('message', (goal, connection) => connection && world.move(connection.id, goal));
  server.handle((_question, { peer }) => world.join(peer.id ?? ''));
  await server.start();
  if (web.http === undefined || web.browser === undefined) throw new Error('the gateway opened nothing');
  await serveSite(web.http, web.browser.port ?? 0);
  const ticking = setInterval(() => void server.broadcast(world.step()), 1000 / ticksPerSecond);
  return {
    world,
    url: `http://${host ?? '127.0.0.1'}:${web.http.port}/`,
    async close() {
      clearInterval(ticking);
      await server.close();
    },
  };
}
