import { connect } from 'node:net';
import { Client } from '../../lib/index.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';
import type { Program } from '../reliability/process.ts';
import { type Corpus, makeCorpus } from './corpus.ts';
import { mutate, pieces } from './mutate.ts';

export interface StrangerFigures {
  readonly executions: number;
  /** Milliseconds that an honest client's ping took at most while strangers were there. */
  readonly slowestPingMs: number;
  /** What the server's memory grew by. */
  readonly grownBytes: number;
  readonly exitCode: number | null;
}

const atOnce = 32;

/** Bytes as a stranger may send them: an opening, whole or not, and what follows it, whole or not. */
function strangeBytes(random: SeededRandom, corpus: Corpus): Uint8Array {
  const hellos = corpus.clientHellos;
  if (random.chance(0.4)) return mutate(hellos, random);
  const kind = random.pick(['native', 'plain', 'json', 'messagepack', 'deflated', 'records'] as const);
  const after = random.chance(0.8) ? mutate(corpus[kind], random) : random.pick(corpus[kind]);
  return Buffer.concat([random.pick(hellos), after]);
}

/** One link to the server at `path`, with the bytes that `number` decides; resolves when it is closed. */
function execute(path: string, number: number, corpus: Corpus): Promise<void> {
  const random = new SeededRandom(number);
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('data', () => {});
    for (const piece of pieces(strangeBytes(random, corpus), random)) socket.write(piece);
    const last = random.between(0, 2);
    if (last === 0) socket.end();
    else if (last === 1) socket.once('connect', () => setImmediate(() => socket.destroy()));
    else socket.end(() => setImmediate(() => socket.destroy()));
  });
}

/** Lets strangers at a server, numbers `from` to `from + count`, with an honest client among them. */
export async function strangers(
  server: Program,
  path: string,
  from: number,
  count: number,
  mostMs = Number.POSITIVE_INFINITY,
): Promise<StrangerFigures> {
  const corpus = await makeCorpus();
  const client = await new Client({ path }).connect();
  const { heldBytes: before } = await server.ask<{ heldBytes: number }>({ ask: 'tally' });
  const startedAt = performance.now();
  let next = from;
  let slowestPingMs = 0;
  const line = async (): Promise<void> => {
    while (next < from + count && performance.now() - startedAt < mostMs && server.process.exitCode === null) {
      next += 1;
      await execute(path, next - 1, corpus);
    }
  };
  let over = false;
  const pinging = (async (): Promise<void> => {
    while (!over) {
      slowestPingMs = Math.max(slowestPingMs, await client.ping());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await Promise.all(Array.from({ length: atOnce }, line));
  over = true;
  await pinging;
  const { heldBytes: after } = await server.ask<{ heldBytes: number }>({ ask: 'tally' });
  client.destroy();
  return { executions: next - from, slowestPingMs, grownBytes: after - before, exitCode: server.process.exitCode };
}
