/** What stands in the editor at first. */
export const example = `import { Client, Server } from 'busbar';

const server = new Server({ url: 'memory:shop' });
const last = new Map();

server.on('message', (order, connection) => {
  const expected = (last.get(connection.id) ?? 0) + 1;
  if (order.number !== expected)
    console.error('expected', expected, 'got', order.number);
  last.set(connection.id, order.number);
  if (order.number % 10 === 0)
    console.log('server has', order.number, 'orders of', order.from);
});
server.handle(({ price, count }) => price * count);
await server.start();

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function shop(from) {
  const client = new Client({ url: 'memory:shop' });
  client.on('link', (up) => console.log(from, up ? 'has a link' : 'lost its link'));
  await client.connect();

  for (let number = 1; ; number++) {
    await client.send({ from, number });
    if (number % 5 === 0) await client.request({ price: 3, count: number });
    await sleep(300 + Math.random() * 300);
  }
}

for (const name of ['Ann', 'Bob', 'Cid']) shop(name);
`;
