import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { Client, Server } from 'busbar';
import { journal } from 'busbar/journal';

// The package as it is published, which is loaded in a third of the time.
// One end of a bus with a journal, until it is killed. The sender sends orders with a key and a number that counts for each
// key. The consumer commits the name of each with its effect, as a line of a file, unless it is there; for orders that are
// poison it ends itself.

const [, , role, path = '', folder = '', file = ''] = process.argv;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

export interface Order {
  readonly key: number;
  readonly number: number;
  readonly isPoison: boolean;
}

if (role === 'sender') {
  const client = new Client({ path, journal: journal(folder), maxRetryTime: 100, retries: Number.POSITIVE_INFINITY });
  void client.connect().catch(() => {});
  // Each life counts on from where it is told to.
  for (let number = Number(file); ; number += 1) {
    const orders = [0, 1, 2, 3, 4].map((key): Order => ({ key, number, isPoison: key === 4 && number === 20 }));
    await Promise.all(orders.map((order) => client.send(order, { durable: true })));
    say(`${number}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
} else {
  const committed = new Set(
    existsSync(file)
      ? readFileSync(file, 'latin1')
          .split('\n')
          .map((line) => line.split(' ')[0])
      : [],
  );
  const server = new Server({ path, journal: journal(folder) });
  server.on('deadLetter', ({ id, attempts, data }) => say(`dead ${attempts} ${(data as Order).isPoison} ${id}`));
  server.consume(
    async ({ key, number, isPoison }: Order, _connection, { journal: id, sequence, redelivered, attempt }) => {
      const name = `${id}.${sequence}`;
      if (committed.has(name)) {
        say(`known ${name} ${redelivered ? 'again' : 'new'}`);
        return;
      }
      if (isPoison) process.kill(process.pid, 'SIGKILL');
      // Some of them fail the first time.
      if (number % 7 === 3 && attempt === 1) throw new Error('once more');
      await new Promise((resolve) => setImmediate(resolve));
      appendFileSync(file, `${name} ${key} ${number}\n`);
      committed.add(name);
      say(`done ${key} ${number}`);
    },
    { concurrency: 4, key: ({ key }: Order) => key, maxAttempts: 4, retryMs: 2 },
  );
  await server.start();
}
