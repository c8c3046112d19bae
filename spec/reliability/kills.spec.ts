import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type BusError, Client, type Connection, Server } from '../../lib/index.ts';
import { eager, sleep } from '../support/buses.ts';
import { figure } from './figures.ts';
import { numbersIn, type Program, Stage } from './process.ts';
import { Tally } from './tally.ts';

const text = 'x'.repeat(1_000);

/** What became of confirmed sends. */
class Confirmations {
  readonly confirmed: number[] = [];
  readonly lost: number[] = [];
  readonly other: string[] = [];
  open = 0;
  #wake: (() => void) | undefined;

  /** Resolves when few enough are open. */
  async follow(number: number, promise: Promise<void>, mostOpen: number): Promise<void> {
    this.open += 1;
    const settled = (): void => {
      this.open -= 1;
      this.#wake?.();
    };
    promise.then(
      () => {
        this.confirmed.push(number);
        settled();
      },
      (error: BusError) => {
        if (error.code === 'ERR_SESSION_LOST') this.lost.push(number);
        else this.other.push(error.code);
        settled();
      },
    );
    while (this.open >= mostOpen) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  async settled(): Promise<void> {
    for (const end = Date.now() + 10_000; this.open > 0 && Date.now() < end; ) await sleep(10);
  }
}

/** No number was taken twice, or after a later one, by any one process. */
function expectOrder(logs: readonly string[]): void {
  for (const log of logs) {
    const numbers = numbersIn(log);
    const tally = new Tally(numbers[0] ?? 0);
    for (const number of numbers) tally.note(number);
    expect({ ...tally.figures, taken: 0, lost: 0 }).to.deep.equal({ taken: 0, lost: 0, doubled: 0, outOfOrder: 0 });
  }
}

describe('processes killed', () => {
  let stage: Stage;
  let client: Client | undefined;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(async () => {
    client?.destroy();
    client = undefined;
    await stage.close();
  });

  async function serve(logs: string[]): Promise<Program> {
    const log = stage.newLog();
    logs.push(log);
    return stage.program('server', { options: { path: stage.path('s') }, log });
  }

  /** Sends `count` confirmed messages, `mostOpen` at a time, while the server is killed five times. */
  async function run(row: string, count: number, mostOpen: number): Promise<void> {
    const logs: string[] = [];
    let server = await serve(logs);
    client = await new Client({ path: stage.path('s'), random: eager }).connect();
    const sends = new Confirmations();
    let kills = 0;
    let restart = Promise.resolve();
    for (let number = 0; number < count; number++) {
      await sends.follow(number, client.send({ number, text }, { confirm: true }), mostOpen);
      if (kills < 5 && number === Math.floor(((kills + 1) * count) / 6)) {
        kills += 1;
        restart = restart.then(async () => {
          await server.kill();
          server = await serve(logs);
        });
      }
    }
    await restart;
    await sends.settled();
    const taken = new Set(logs.flatMap(numbersIn));
    const falseSuccess = sends.confirmed.filter((number) => !taken.has(number)).length;
    figure(row, {
      sent: count,
      kills,
      confirmed: sends.confirmed.length,
      reported: sends.lost.length,
      falseSuccess,
      neverSettled: sends.open,
    });
    expect({ kills, falseSuccess, neverSettled: sends.open, other: sends.other }).to.deep.equal({
      kills: 5,
      falseSuccess: 0,
      neverSettled: 0,
      other: [],
    });
    expect(sends.confirmed.length + sends.lost.length).to.equal(count);
    expect(sends.confirmed.length).to.be.above(count / 2);
    expectOrder(logs);
  }

  it('a flood of 100,000 confirmed sends, the server killed five times - no false success, every send settles', async () => {
    await run('1', 100_000, 4_000);
  });

  it('20,000 sends awaited one by one, the server killed five times - no false success, none hangs', async () => {
    await run('3', 20_000, 1);
  });

  it('100,000 messages to a client killed five times - none is confirmed that was not taken, the rest is reported', async () => {
    const logs: string[] = [];
    const server = await new Server({ path: stage.path('s'), sessionGraceMs: 200 }).start();
    let present: Connection | undefined;
    let arrived = (): void => {};
    const undelivered: number[] = [];
    server.on('connect', (connection) => {
      present = connection;
      connection.on('undelivered', (messages) => {
        for (const { data } of messages) undelivered.push((data as { number: number }).number);
      });
      arrived();
    });
    const join = async (): Promise<Program> => {
      const log = stage.newLog();
      logs.push(log);
      const joined = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const program = await stage.program('client', { options: { path: stage.path('s') }, log });
      await joined;
      return program;
    };
    let program = await join();
    const sends = new Confirmations();
    const plain: number[] = [];
    let kills = 0;
    for (let number = 0; number < 100_000; number++) {
      const connection = present as Connection;
      const confirm = number % 2 === 0;
      const promise = connection.send({ number, text }, { confirm });
      if (confirm) await sends.follow(number, promise, 2_000);
      else {
        promise.then(
          () => plain.push(number),
          () => {},
        );
      }
      if (kills < 5 && number === Math.floor(((kills + 1) * 100_000) / 6)) {
        kills += 1;
        await program.kill();
        program = await join();
      }
    }
    await sends.settled();
    await present?.flush();
    await sleep(300);
    await program.kill();
    await server.close();
    const taken = new Set(logs.flatMap(numbersIn));
    const reported = new Set(undelivered);
    const falseSuccess = sends.confirmed.filter((number) => !taken.has(number)).length;
    const gone = plain.filter((number) => !taken.has(number) && !reported.has(number)).length;
    figure('4 kills', {
      sent: 100_000,
      kills,
      confirmed: sends.confirmed.length,
      reported: sends.lost.length + reported.size,
      falseSuccess,
      gone,
      neverSettled: sends.open,
    });
    expect({ falseSuccess, gone, neverSettled: sends.open }).to.deep.equal({
      falseSuccess: 0,
      gone: 0,
      neverSettled: 0,
    });
    expectOrder(logs);
  });
});
