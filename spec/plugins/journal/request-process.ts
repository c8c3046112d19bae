import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { Client, Server } from 'busbar';
import { journal } from 'busbar/journal';

// The package as it is published, which is loaded in a third of the time.
// One end of a bus with a journal, until it is killed. Who asks has charges made one after the other, each under a key of its
// own, and prints what it was answered with. Who charges writes each down with its key, unless it is there.

const [, , role, path = '', folder = '', last = ''] = process.argv;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

if (role === 'asker') {
  const client = new Client({ path, journal: journal(folder), maxRetryTime: 100, retries: Number.POSITIVE_INFINITY });
  void client.connect().catch(() => {});
  for (let number = Number(last); ; number++) {
    const answer: unknown = await client.request(number, { durable: true, key: `charge ${number}`, timeout: 0 });
    say(`${number} ${String(answer)}`);
  }
} else {
  const charged = new Set(existsSync(last) ? readFileSync(last, 'latin1').split('\n') : []);
  const server = new Server({ path, journal: journal(folder) });
  server.handle((number, { key = '', redelivered = false }) => {
    if (charged.has(key)) say(`known ${redelivered ? 'again' : 'new'}`);
    else appendFileSync(last, `${key}\n`);
    charged.add(key);
    say('done');
    return `charged ${String(number)}`;
  });
  await server.start();
}
