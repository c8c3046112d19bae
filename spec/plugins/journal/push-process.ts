import process from 'node:process';
import { Client, Server } from 'busbar';
import { journal } from 'busbar/journal';

// The package as it is published, which is loaded in a third of the time.
// One end of a bus on which the server sends durably, until it is killed. The server sends numbers, and prints the last of
// each twenty that its journal has; the client prints what it hears, with its place in the journal of the server.

const [, , role, path = '', folder = ''] = process.argv;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

if (role === 'server') {
  const server = new Server({ path, journal: journal(folder) });
  // From 0 on: only what an earlier process left.
  let number = Number(process.argv[5]);
  server.on('connect', (connection) => {
    const push = async (): Promise<void> => {
      while (number > 0) {
        const sent: Promise<void>[] = [];
        for (let count = 0; count < 20; count++) sent.push(connection.send(number++, { durable: true }));
        await Promise.all(sent);
        say(`${number - 1}`);
        // Not more than a client that prints each of them hears.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    // Until its session is over.
    void push().catch(() => {});
  });
  await server.start();
} else {
  const client = new Client({ path, journal: journal(folder), maxRetryTime: 100, retries: Number.POSITIVE_INFINITY });
  client.on('message', (number, context) => {
    say(
      `${String(number)} ${context?.journal} ${context?.sequence} ${context?.redelivered === true ? 'again' : 'new'}`,
    );
  });
  await client.connect();
}
