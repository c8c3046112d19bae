import { setTimeout as sleep } from 'node:timers/promises';
import { Client, shutdownOn } from 'busbar';
import { path } from './contract.js';

/** @type {Client<import('./contract.js').Shop>} */
const client = new Client({ path, retries: Number.POSITIVE_INFINITY });

client.on('error', (error) => {
  if (error.code !== 'ERR_CONNECT') console.error('client:', error.code, error.message);
});
client.on('message', (text) => console.log(`client: ${text}`));
client.on('session', ({ outcome }) => console.log(`client: the session is ${outcome}`));
shutdownOn(['SIGINT', 'SIGTERM'], client);

await client.connect({ name: 'Ann' });
console.log('client: 3 cost', await client.request({ price: 4, count: 3 }));
for (let number = 1; client.id !== undefined; number++) {
  await client.send({ number, text: 'one coffee' }, { confirm: true });
  await sleep(1_000);
}
