import { openSync, readFileSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { Client, type ConsumeContext, Server } from 'busbar';
import { journal } from 'busbar/journal';

// The package as it is published, which is loaded in a third of the time.
// One end of a bus with a journal, until it is killed. It says how long it took to be there again, and how far it is.

export interface JournalEnd {
  readonly role: 'sender' | 'server' | 'client';
  readonly path: string;
  readonly folder: string;
  /** Of a sender: the first number of this life. */
  readonly from: number;
  /** Of a consumer: what it commits is a line of this file, with its name; what stands in those of earlier lives it knows. */
  readonly log: string;
  readonly earlier: readonly string[];
  readonly concurrency: number;
}

export interface Progress {
  readonly readyMs: number;
  /** Messages that were acknowledged to the sender, or committed by the consumer, in this life. */
  readonly count: number;
}

const keys = 8;
const mostOpen = 1_000;
const text = 'x'.repeat(200);
const { role, path, folder, from, log, earlier, concurrency } = JSON.parse(process.argv[2] ?? '') as JournalEnd;
let count = 0;
let readyMs = 0;
const tell = (): void => {
  process.send?.({ readyMs, count } satisfies Progress);
};

if (role === 'sender') await send();
else await consume();
tell();
setInterval(tell, 10);

async function send(): Promise<void> {
  const client = new Client({ path, journal: journal(folder), maxRetryTime: 100, retries: Number.POSITIVE_INFINITY });
  const startedAt = performance.now();
  await client.backlog();
  readyMs = performance.now() - startedAt;
  void client.connect().catch(() => {});
  void (async () => {
    for (let number = from; ; ) {
      const sent: Promise<void>[] = [];
      for (let at = 0; at < 50; at++, number++) {
        sent.push(client.send({ number, key: number % keys, text }, { durable: true }));
      }
      await Promise.all(sent);
      count += sent.length;
      // Not much more than a consumer that writes each of them to a file commits.
      const { messages } = await client.backlog();
      await new Promise((resolve) => setTimeout(resolve, messages > mostOpen ? 20 : 1));
    }
  })();
}

async function consume(): Promise<void> {
  const file = openSync(log, 'a');
  const nameOf = (line: string): string => line.slice(0, line.indexOf(' '));
  const known = new Set(earlier.flatMap((one) => readFileSync(one, 'latin1').split('\n').map(nameOf)));
  const commit = ({ number }: { readonly number: number }, _: unknown, context: ConsumeContext): void => {
    const name = `${context.journal}.${context.sequence}`;
    // What was committed and not known to be done comes again; what is new does not claim to.
    if (known.has(name)) {
      if (!context.redelivered) throw new Error(`${name} comes a second time as if it were new`);
      return;
    }
    writeSync(file, `${name} ${number}\n`);
    known.add(name);
    count += 1;
  };
  const settings = { concurrency, ...(concurrency > 1 ? { key: ({ key }: { readonly key: number }) => key } : {}) };
  if (role === 'server') {
    const server = new Server({ path, journal: journal(folder) });
    server.consume(commit, settings);
    const startedAt = performance.now();
    await server.start();
    readyMs = performance.now() - startedAt;
  } else {
    const client = new Client({ path, journal: journal(folder), maxRetryTime: 100 });
    client.consume((message: { readonly number: number }, context) => commit(message, client, context), settings);
    const startedAt = performance.now();
    await client.connect();
    readyMs = performance.now() - startedAt;
  }
}
