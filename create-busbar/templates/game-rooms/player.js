import { setTimeout as sleep } from 'node:timers/promises';
import { callOptions } from 'busbar/rpc';
import { connect } from './connect.js';

// Plays in one room, in whichever process it is.
const [name = ['ann', 'bob'][Number(process.env.BUSBAR_NUMBER) - 1] ?? 'ann', key = '17'] = process.argv.slice(2);
const { client, mine } = await connect(name);

const keyed = /** @type {unknown} */ (mine.service('room').key(key));
const room = /** @type {import('busbar/services').ServiceKey<import('./room.js').Room>} */ (keyed);
while (client.id !== undefined) {
  try {
    // Idempotent: sent again if the process of the room was killed with it.
    const answer = await room.call.score(name, 1, callOptions({ idempotent: true }));
    const { total, players, process: at } = answer;
    console.log(`${name}: ${total} points in room ${key}, ${players} players, process ${at}`);
  } catch (error) {
    console.error(`${name}:`, /** @type {{ code?: string }} */ (error).code);
  }
  await sleep(1_000);
}
