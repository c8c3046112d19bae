import { Client, type ClientOptions, ClientStatus } from 'busbar';
import { Tally } from '../tally.ts';
import { Notebook, heldBytes } from './notebook.ts';

interface Settings {
  readonly options: ClientOptions;
  readonly log?: string;
  /** How many clients there are; 1 unless given. */
  readonly clients?: number;
}

type Question =
  | { readonly ask: 'tally' }
  | { readonly ask: 'break' }
  | { readonly ask: 'ready' }
  | { readonly ask: 'storm' }
  | { readonly ask: 'outage'; readonly count: number; readonly bytes: number };

const atOnce = 500;
const settings = JSON.parse(process.argv[2] ?? '{}') as Settings;
const notebook = settings.log === undefined ? undefined : new Notebook(settings.log);
const tally = new Tally();
/**
 * When attempts to connect are due, since the last storm, but for those at once, which find nobody; that this process may get
 * no core just then does not count.
 */
let attempts: number[] = [];
const clients = Array.from({ length: settings.clients ?? 1 }, () => {
  const client = new Client(settings.options);
  client.on('message', (data) => {
    const { number } = data as { number: number };
    notebook?.note(number);
    tally.note(number);
  });
  client.on('retry', ({ attempt, waitMs }) => {
    if (attempt > 1) attempts.push(performance.timeOrigin + performance.now() + waitMs);
  });
  return client;
});

/** Sends while nobody listens; resolves what it did to memory and how many sends were refused. */
async function outage(count: number, bytes: number): Promise<object> {
  const [client] = clients;
  const before = heldBytes();
  const residentBefore = process.memoryUsage.rss();
  let refused = 0;
  let accepted = 0;
  let mostResident = residentBefore;
  const other: string[] = [];
  for (let number = 0; number < count; number++) {
    client?.send({ number, text: `${number}`.padEnd(bytes, 'x') }).then(
      () => {
        accepted += 1;
      },
      (error: { code: string }) => {
        if (error.code === 'ERR_QUEUE_FULL') refused += 1;
        else other.push(error.code);
      },
    );
    if (number % 1_000 === 0) {
      await new Promise(setImmediate);
      mostResident = Math.max(mostResident, process.memoryUsage.rss());
    }
  }
  await new Promise(setImmediate);
  return {
    accepted,
    refused,
    other,
    waiting: count - accepted - refused,
    grownBytes: heldBytes() - before,
    residentBytes: mostResident - residentBefore,
  };
}

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'tally':
      return { ...tally.figures, last: tally.last, heldBytes: heldBytes() };
    case 'break':
      for (const client of clients) client.connection?.destroy();
      return {};
    case 'ready':
      return { count: clients.filter(({ status }) => status === ClientStatus.READY).length };
    case 'storm': {
      const said = attempts;
      attempts = [];
      return { attempts: said };
    }
    case 'outage':
      return outage(question.count, question.bytes);
  }
}

process.on('message', (question) => {
  void answer(question as Question).then((said) => process.send?.(said));
});
process.on('disconnect', () => process.exit());
// Not so many at once that they wait for each other.
for (let at = 0; at < clients.length; at += atOnce) {
  await Promise.all(clients.slice(at, at + atOnce).map((client) => client.connect()));
}
process.send?.({ ready: true });
