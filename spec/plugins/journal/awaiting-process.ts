import process from 'node:process';
import { Client } from 'busbar';
import { journal } from 'busbar/journal';

// Awaits one call with a deadline, at top level and with nothing else to keep the process alive, and prints how it ended.

const [, , what = '', path = '', folder = ''] = process.argv;
const client = new Client({ path, journal: journal(folder, { maxBytes: 65_536 }) });
const filling = 'x'.repeat(10_000);
const durable = true;

async function fill(): Promise<void> {
  for (;;) await client.send(filling, { durable, timeout: 100 });
}

// Opens the folder.
await client.backlog();

const waits: Readonly<Record<string, () => Promise<unknown>>> = {
  confirm: () => client.send(1, { durable, confirm: true, timeout: 200 }),
  // Its timer does not keep a process alive.
  signal: () => client.send(1, { durable, confirm: true, signal: AbortSignal.timeout(200) }),
  full: fill,
  request: () => client.request(1, { durable, timeout: 200 }),
};

const ended = (await waits[what]?.().catch((error: unknown) => error)) as { code?: string; message?: string };
process.stdout.write(`${ended?.code}: ${ended?.message}\n`);
