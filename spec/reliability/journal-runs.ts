import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { journal } from '../../lib/plugins/journal/index.ts';
import { sleep, until } from '../support/buses.ts';
import { figure } from './figures.ts';
import { Program, type Stage } from './process.ts';
import type { JournalEnd, Progress } from './programs/journal-end.ts';

const text = 'x'.repeat(1_000);
/** Lives of a sender count from multiples of it. */
const perLife = 1_000_000;
/** A consumer knows what so many lives before it committed. */
const knownLives = 4;

/** One end and those that follow it when it is killed. */
class Lives {
  readonly logs: string[] = [];
  readonly #stage: Stage;
  readonly #settings: Omit<JournalEnd, 'log' | 'earlier' | 'from'>;
  #program: Program | undefined;
  progress: Progress = { readyMs: 0, count: 0 };
  slowestMs = 0;

  constructor(stage: Stage, settings: Omit<JournalEnd, 'log' | 'earlier' | 'from'>) {
    this.#stage = stage;
    this.#settings = settings;
  }

  async begin(): Promise<void> {
    const earlier = this.logs.slice(-knownLives);
    const log = this.#stage.newLog();
    this.logs.push(log);
    const from = this.logs.length * perLife;
    this.#program = await this.#stage.program('journal-end', { ...this.#settings, log, earlier, from });
    this.#program.process.on('message', (progress: Progress) => {
      this.progress = progress;
      this.slowestMs = Math.max(this.slowestMs, progress.readyMs);
    });
    this.progress = { readyMs: 0, count: 0 };
  }

  /** Resolves how far it was known to be. */
  async kill(): Promise<number> {
    await this.#program?.kill();
    return this.progress.count;
  }
}

/** The numbers that consumers committed, in order; nothing may be there twice. */
function committed(logs: readonly string[]): number[] {
  const lines = logs.flatMap((log) => readFileSync(log, 'latin1').split('\n').slice(0, -1));
  const names = new Set(lines.map((line) => line.split(' ')[0]));
  expect(names.size, 'committed twice').to.equal(lines.length);
  const numbers = lines.map((line) => Number(line.split(' ')[1]));
  expect(new Set(numbers).size, 'heard under two names').to.equal(numbers.length);
  return numbers;
}

/** For what takes long to look at; a minute at most. */
async function eventually(condition: () => boolean): Promise<void> {
  for (const until = Date.now() + 60_000; !condition(); await sleep(100)) {
    if (Date.now() > until) throw new Error(`waited too long for ${condition.toString()}`);
  }
}

function outOfOrder(numbers: readonly number[]): number {
  return numbers.filter((number, index) => index > 0 && number < (numbers[index - 1] ?? 0)).length;
}

/** Calls `kill` so many times while numbers to `count` are sent, `mostOpen` at a time. */
async function sendAll(
  count: number,
  mostOpen: number,
  kills: number,
  send: (number: number) => Promise<void>,
  kill: () => Promise<void>,
): Promise<void> {
  const open = new Set<Promise<void>>();
  let killing = Promise.resolve();
  let killed = 0;
  for (let number = 0; number < count; number++) {
    const sent = send(number);
    open.add(sent);
    void sent.then(() => open.delete(sent));
    while (open.size >= mostOpen) await Promise.race(open);
    if (killed < kills && number === Math.floor(((killed + 1) * count) / (kills + 1))) {
      killed += 1;
      killing = killing.then(kill);
    }
  }
  await Promise.all([...open, killing]);
}

export interface Row {
  readonly row: string;
  readonly count: number;
  readonly kills: number;
}

/** Durable messages to a server that is killed; every send resolves, and everything is committed. */
export async function toServer(
  stage: Stage,
  { row, count, kills }: Row,
  mostOpen: number,
  confirm: boolean,
): Promise<void> {
  const path = stage.path('s');
  const server = new Lives(stage, { role: 'server', path, folder: stage.path('inbox'), concurrency: 1 });
  await server.begin();
  const client = new Client({ path, journal: journal(stage.path('outbox')), maxRetryTime: 100, retries: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const send = (number: number): Promise<void> => client.send({ number, key: 0, text }, { durable: true, confirm });
    await sendAll(count, mostOpen, kills, send, async () => {
      await server.kill();
      await server.begin();
    });
    await eventually(() => committed(server.logs).length >= count);
  } finally {
    await client.close();
  }
  await server.kill();
  check({ row, count, kills }, server);
}

/** The same to a client that is killed. */
export async function toClient(stage: Stage, { row, count, kills }: Row): Promise<void> {
  const path = stage.path('s');
  const server = new Server({ path, journal: journal(stage.path('outbox')) });
  server.on('error', () => {});
  let present: Connection | undefined;
  server.on('connect', (connection) => void (present = connection));
  await server.start();
  const client = new Lives(stage, { role: 'client', path, folder: stage.path('inbox'), concurrency: 1 });
  let next = 0;
  const taken = new Set<number>();
  const send = async (): Promise<void> => {
    for (;;) {
      const connection = present;
      const number = next++;
      try {
        await connection?.send({ number, key: 0, text }, { durable: true });
        taken.add(number);
        return;
      } catch {
        // It is not in the journal, and what goes to the next life comes behind what went before.
        await until(() => present !== connection);
      }
    }
  };
  try {
    await client.begin();
    await sendAll(count, 100, kills, send, async () => {
      await client.kill();
      await client.begin();
    });
    await eventually(() => committed(client.logs).length >= count);
  } finally {
    await client.kill();
    await server.close();
  }
  const numbers = new Set(committed(client.logs));
  expect([...taken].filter((number) => !numbers.has(number))).to.deep.equal([]);
  check({ row, count, kills }, client);
}

function check({ row, count, kills }: Row, { logs, slowestMs }: Lives): void {
  const numbers = committed(logs);
  const found = { lost: count - numbers.length, outOfOrder: outOfOrder(numbers) };
  figure(row, { sent: count, kills: logs.length - 1, slowestReadyMs: Math.round(slowestMs), ...found });
  expect({ ...found, kills: logs.length - 1 }).to.deep.equal({ lost: 0, outOfOrder: 0, kills });
}

/** Sender and consumer killed in turn under load. Resolves the longest time in ms until one was back. */
export async function inTurn(stage: Stage, row: string, kills: number): Promise<number> {
  const path = stage.path('s');
  const server = new Lives(stage, { role: 'server', path, folder: stage.path('inbox'), concurrency: 8 });
  const sender = new Lives(stage, { role: 'sender', path, folder: stage.path('outbox'), concurrency: 1 });
  await server.begin();
  await sender.begin();
  const acknowledged: (readonly [from: number, count: number])[] = [];
  const end = async (): Promise<void> => void acknowledged.push([sender.logs.length * perLife, await sender.kill()]);
  for (let round = 0; round < kills; round++) {
    await until(() => sender.progress.count > 100 && server.progress.count > 100);
    if (round % 2 === 0) {
      await server.kill();
      await server.begin();
    } else {
      await end();
      await sender.begin();
    }
  }
  await until(() => sender.progress.count > 100);
  await end();
  // The next life sends what is left; all of it is there when something of that one is.
  await sender.begin();
  const last = sender.logs.length * perLife;
  const keysOf = (): Set<number> => {
    const lines = readFileSync(server.logs.at(-1) ?? '', 'latin1')
      .split('\n')
      .slice(0, -1);
    return new Set(
      lines
        .map((line) => Number(line.split(' ')[1]))
        .filter((number) => number >= last)
        .map((n) => n % 8),
    );
  };
  await eventually(() => keysOf().size === 8);
  await sender.kill();
  await server.kill();
  const numbers = committed(server.logs);
  const had = new Set(numbers);
  let [sent, lost, unordered] = [0, 0, 0];
  for (const [from, count] of acknowledged) {
    sent += count;
    for (let number = from; number < from + count; number++) if (!had.has(number)) lost += 1;
  }
  for (let key = 0; key < 8; key++) unordered += outOfOrder(numbers.filter((number) => number % 8 === key));
  const slowestMs = Math.round(Math.max(server.slowestMs, sender.slowestMs));
  figure(row, {
    kills,
    acknowledged: sent,
    committed: numbers.length,
    lost,
    outOfOrder: unordered,
    slowestReadyMs: slowestMs,
  });
  expect({ lost, unordered }).to.deep.equal({ lost: 0, unordered: 0 });
  return slowestMs;
}
