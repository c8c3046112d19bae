import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { Server } from 'busbar';
import { journal } from 'busbar/journal';

// The package as it is published, which is loaded in a third of the time.
// A server whose process ends when it handles something deadly, in the middle of all that it handles then.

const [, , path = '', folder = '', file = ''] = process.argv;

async function handle(data: { readonly name: string; readonly isDeadly: boolean }): Promise<string> {
  appendFileSync(file, `${data.name}\n`);
  if (data.isDeadly) process.kill(process.pid, 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 5));
  return `${data.name} done`;
}

const server = new Server({ path, journal: journal(folder) });
server.on('deadLetter', () => {});
server.consume(handle, { concurrency: 8, maxAttempts: 2, retryMs: 1 });
server.handle(handle);
await server.start();
process.stdout.write('up\n');
