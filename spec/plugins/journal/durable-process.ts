import process from 'node:process';
import { Client, Server } from 'busbar';
import { journal } from 'busbar/journal';

// The package as it is published, which is loaded in a third of the time.
// One end of a bus with a journal, until it is killed. A sender sends numbers and prints the last that its journal has; a
// receiver prints what it hears, with its place in the journal of the sender.

const [, , role, path = '', folder = ''] = process.argv;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

if (role === 'sender') {
  const client = new Client({ path, journal: journal(folder), maxRetryTime: 100, retries: Number.POSITIVE_INFINITY });
  await client.backlog();
  void client.connect().catch(() => {});
  // From 0 on: only what an earlier process left.
  let number = Number(process.argv[5]);
  while (number > 0) {
    const sent: Promise<void>[] = [];
    for (let at = number; at < number + 20; at++) sent.push(client.send(at, { durable: true }));
    await Promise.all(sent);
    number += 20;
    say(`${number - 1}`);
    // Not more than a receiver that prints each of them hears.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
} else {
  const server = new Server({ path, journal: journal(folder) });
  server.on('message', (number, _connection, context) => {
    say(
      `${String(number)} ${context?.journal} ${context?.sequence} ${context?.redelivered === true ? 'again' : 'new'}`,
    );
  });
  await server.start();
}
