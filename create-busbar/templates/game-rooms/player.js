import { setTimeout as sleep } from 'node:timers/promises';
import { Client, shutdownOn } from 'busbar';
import { callOptions } from 'busbar/rpc';
import { services } from 'busbar/services';

// Plays in one room, wherever that is.
const [name = 'ann', key = '17'] = process.argv.slice(2);
const client = new Client({ path: 'game.sock', retries: Number.POSITIVE_INFINITY });
client.on('error', (error) => {
  if (error.code !== 'ERR_CONNECT') console.error(`${name}:`, error.code, error.message);
});
const mine = client.use(services({ name }));
await client.connect();
shutdownOn(['SIGINT', 'SIGTERM'], client);

const keyed = /** @type {unknown} */ (mine.service('room').key(key));
const room = /** @type {import('busbar/services').ServiceKey<import('./room.js').Room>} */ (keyed);
while (client.id !== undefined) {
  try {
    // Idempotent: asked again where the process of the room was killed with it.
    const answer = await room.call.score(name, 1, callOptions({ idempotent: true }));
    const { total, players, process: at } = answer;
    console.log(`${name}: ${total} points in room ${key}, ${players} players, process ${at}`);
  } catch (error) {
    console.error(`${name}:`, /** @type {{ code?: string }} */ (error).code);
  }
  await sleep(1_000);
}
