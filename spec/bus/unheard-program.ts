import process from 'node:process';
import { Client, Server } from '../../lib/index.ts';
import { MemoryNetwork } from '../../lib/testing/index.ts';

/** Has errors that nobody listens to, and says what warnings came of them. */
const warnings: unknown[] = [];
process.on('warning', (warning) => void warnings.push({ ...warning, name: warning.name, message: warning.message }));
const network = new MemoryNetwork();
const url = 'memory:unheard';
const logged: string[] = [];
const log = (line: string): number => logged.push(line);
const server = await new Server({ url, network, logger: { debug: log, info: log, warn: log, error: log } }).start();
const client = await new Client({ url, network }).connect();
const bug = (): never => {
  throw new Error('a bug\u001b[2J\nof mine');
};
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
server.on('message', bug);
await client.send('logged');
await turn();
// A logger has heard it.
const before = warnings.length;
client.on('message', bug);
const [connection] = server.connections;
for (let n = 0; n < 3; n++) await connection?.send(n);
await turn();
await new Client({ url: 'memory:nowhere', network, retries: 0 }).connect().catch(() => {});
await turn();
await client.close();
await server.close();
process.send?.({ before, warnings, logged });
process.disconnect?.();
