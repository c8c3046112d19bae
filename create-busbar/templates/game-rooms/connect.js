import { Client, shutdownOn } from 'busbar';
import { services } from 'busbar/services';

const isOfFleet = process.env.BUSBAR_GROUP !== undefined;

/**
 * A member of the services: a process of the fleet has a link to its parent, one that you start yourself finds it by its path.
 * @param {string} name
 * @param {(mine: import('busbar/services').Services) => void} [prepare]
 */
export async function connect(name, prepare) {
  const client = new Client(isOfFleet ? { url: 'parent:' } : { path: 'game.sock' });
  client.on('error', (error) => console.error(`${name}:`, error.code, error.message));
  const mine = client.use(services({ name }));
  prepare?.(mine);
  await client.connect();
  shutdownOn(['SIGINT', 'SIGTERM'], client);
  return { client, mine };
}
