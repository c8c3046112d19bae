import type { Socket } from 'node:net';
import { Server, type ServerOptions } from 'busbar';
import { Tally } from '../tally.ts';
import { Notebook, heldBytes } from './notebook.ts';
import { Vitals } from './vitals.ts';

interface Settings {
  readonly options: ServerOptions;
  /** Where the numbers that were taken are noted. */
  readonly log?: string;
  /** Nobody is ever authorised, nor refused. */
  readonly undecided?: boolean;
}

type Question =
  | { readonly ask: 'tally' }
  | { readonly ask: 'pause' | 'resume' }
  | { readonly ask: 'connections' | 'usage' }
  | { readonly ask: 'watch' | 'vitals' }
  | { readonly ask: 'broadcast'; readonly count: number; readonly bytes: number };

const settings = JSON.parse(process.argv[2] ?? '{}') as Settings;
const authorize = settings.undecided === true ? { authorize: () => new Promise<boolean>(() => {}) } : {};
const server = new Server({ ...settings.options, ...authorize });
const vitals = new Vitals();
/** The links there were since `watch`, and the errors. */
let sockets: Socket[] = [];
let errors: string[] = [];
let isWatching = false;
const tally = new Tally();
const notebook = settings.log === undefined ? undefined : new Notebook(settings.log);

server.on('message', (data) => {
  const { number } = data as { number: number };
  notebook?.note(number);
  tally.note(number);
});
server.on('error', ({ code }) => isWatching && errors.push(code));
server.handle((data) => data);

/** Broadcasts to all, waiting for room each time; resolves what memory and slow peers came to. */
async function broadcast(count: number, bytes: number): Promise<object> {
  const slow: number[] = [];
  const startedAt = performance.now();
  let residentAtSlow = 0;
  server.on('slow', () => {
    slow.push(Math.round(performance.now() - startedAt));
    residentAtSlow = process.memoryUsage.rss();
  });
  await server.broadcast({ number: 0, text: 'warm' });
  const before = heldBytes();
  const residentBefore = process.memoryUsage.rss();
  let most = before;
  let mostResident = residentBefore;
  const gone: unknown[] = [];
  server.on('disconnect', (_connection, reason) => gone.push(reason));
  for (let number = 1; number <= count; number++) {
    await server.broadcast({ number, text: `${number}`.padEnd(bytes, 'x') });
    if (number % 1_000 === 0) mostResident = Math.max(mostResident, process.memoryUsage.rss());
    if (number % 5_000 === 0) most = Math.max(most, heldBytes());
  }
  await Promise.all(server.connections.map((connection) => connection.flush()));
  return {
    grownBytes: most - before,
    residentBytes: mostResident - residentBefore,
    residentAtSlowBytes: residentAtSlow - residentBefore,
    slow,
    gone,
    ms: Math.round(performance.now() - startedAt),
  };
}

/** What this process has used of a core. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'tally':
      return { ...tally.figures, last: tally.last, heldBytes: heldBytes() };
    case 'pause':
      server.pause();
      return {};
    case 'resume':
      server.resume();
      return {};
    case 'connections':
      return { count: server.connections.length };
    case 'usage': {
      // Before the collections, which are no part of what idling costs.
      const before = cpuMs();
      const held = heldBytes();
      const residentBytes = process.memoryUsage.rss();
      return { count: server.connections.length, heldBytes: held, residentBytes, cpuMs: before, cpuMsAfter: cpuMs() };
    }
    case 'watch':
      sockets = [];
      errors = [];
      isWatching = true;
      vitals.start();
      return {};
    case 'vitals': {
      const readBytes = sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
      return { ...vitals.stop(), errors, readBytes, open: sockets.filter(({ destroyed }) => !destroyed).length };
    }
    case 'broadcast':
      return broadcast(question.count, question.bytes);
  }
}

process.on('message', (question) => {
  void answer(question as Question).then((said) => process.send?.(said));
});
process.on('disconnect', () => process.exit());
await server.start();
server.server?.on('connection', (socket) => isWatching && sockets.push(socket));
process.send?.({ ready: true });
