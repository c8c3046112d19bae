import { threadId, Worker, workerData } from 'node:worker_threads';
import { Client } from '../../lib/index.ts';

/** A thread that a spec starts by `server.thread`; what it does is its data. */
const mode: unknown = workerData;

async function connected(): Promise<Client> {
  const client = new Client({ url: 'parent:' });
  client.handle((request) => (request === 'wait' ? new Promise(() => {}) : [request, threadId]));
  return client.connect({ mode });
}

const modes: Readonly<Record<string, () => unknown>> = {
  /** Says how a second client fares, and one in a thread that was not started by a server. */
  async answers() {
    const client = await connected();
    const second = await new Client({ url: 'parent:' }).connect().catch((error: unknown) => String(error));
    const other = new Worker(new URL(import.meta.url), { workerData: 'stranger' });
    other.on('message', (third) => void client.send({ second, third }));
  },
  plain: connected,
  async stranger() {
    const failed = await new Client({ url: 'parent:' }).connect().catch((error: unknown) => String(error));
    const { parentPort } = await import('node:worker_threads');
    parentPort?.postMessage(failed);
  },
  async floods() {
    const client = await connected();
    const large = new Uint8Array(300_000);
    for (let number = 0; number < 100; number++) await client.send({ number, large });
    await client.flush();
    await client.close();
  },
  async hangs() {
    await connected();
    for (;;);
  },
  async throws() {
    await connected();
    setTimeout(() => {
      throw new Error('out of a thread');
    }, 1);
  },
  silent: () => setInterval(() => {}, 60_000),
  fails() {
    throw new Error('no thread today');
  },
};

await modes[String(mode)]?.();
