import { Client } from 'busbar';
import { argumentsOf, end } from '../program.ts';

// Players that are no pages, each with a walk of its own.

const [path, count] = argumentsOf('BUS', 'COUNT');
if (!/^\d+$/.test(count)) end(`"${count}" is not a number of bots`, 2);
const bots = await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    const client = new Client({ path });
    await client.connect();
    await client.request('join');
    const speed = 0.2 + (index % 7) * 0.07;
    const size = 0.12 + (index % 5) * 0.08;
    const walk = setInterval(() => {
      const angle = (Date.now() / 1000) * speed + index;
      void client.send({ x: 0.5 + Math.cos(angle) * size, y: 0.5 + Math.sin(angle * 1.5) * size });
    }, 100);
    client.on('close', () => clearInterval(walk));
    return client;
  }),
);
process.send?.('ready');
process.once('disconnect', () => {
  for (const client of bots) void client.close();
});
