import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Client } from 'busbar';
import { callOptions } from 'busbar/rpc';
import { services } from 'busbar/services';

/** What the processes under load offer. */
export interface Work {
  echo(number: number): number;
  tell(number: number): void;
}

/** What the one that makes the load has counted. */
export interface Load {
  readonly messages: number;
  readonly requests: number;
  readonly wrong: number;
  readonly failed: readonly string[];
  readonly answered: number;
}

export interface Driver {
  begin(messagesPerMs: number, requestsPerSecond: number): void;
  /** What has been answered since it was asked the last time, in milliseconds and in order. */
  times(): number[];
  stop(): Promise<Load>;
}

/** Answers, and notes which messages came when it has closed. */
async function worker(folder: string): Promise<void> {
  let numbers = new Uint32Array(65_536);
  let count = 0;
  const client = new Client({ url: 'parent:' });
  client.use(services()).provide('work', {
    echo: (number) => number,
    tell(number) {
      if (count === numbers.length) {
        const more = new Uint32Array(2 * count);
        more.set(numbers);
        numbers = more;
      }
      numbers[count++] = number;
    },
  } satisfies Work);
  client.on('close', () => writeFileSync(join(folder, `told-${process.pid}`), numbers.subarray(0, count)));
  await client.connect();
}

/** How long calls took is what is looked at, and not that they gave up. */
const patient = callOptions({ timeout: 60_000 });
/** On a machine that is too busy the load is less, and what waits for room has its limit. */
const mostWaiting = 8_000;

async function driver(): Promise<void> {
  const client = new Client({ url: 'parent:' });
  const mine = client.use(services());
  const work = mine.service<Work>('work');
  const failed: string[] = [];
  let times: number[] = [];
  const open = new Set<Promise<void>>();
  let [messages, requests, answered, wrong, waiting] = [0, 0, 0, 0, 0];
  let timer: NodeJS.Timeout | undefined;

  const ask = async (number: number): Promise<void> => {
    const askedAt = performance.now();
    try {
      if ((await work.call.echo(number, patient)) !== number) wrong += 1;
      answered += 1;
      times.push(performance.now() - askedAt);
    } catch (error) {
      failed.push(String(error));
    }
  };

  const tell = (number: number): void => {
    waiting += 1;
    work.notify
      .tell(number)
      .catch((error: unknown) => failed.push(String(error)))
      .finally(() => (waiting -= 1));
  };

  mine.provide('driver', {
    begin(messagesPerMs, requestsPerSecond) {
      const begunAt = performance.now();
      timer = setInterval(() => {
        const ms = performance.now() - begunAt;
        for (const end = Math.floor(ms * messagesPerMs); messages < end && waiting < mostWaiting; messages++)
          tell(messages);
        for (const end = Math.floor((ms * requestsPerSecond) / 1_000); requests < end; requests++) {
          const asked = ask(requests).finally(() => open.delete(asked));
          open.add(asked);
        }
      }, 1);
    },
    times() {
      const since = times.sort((a, b) => a - b);
      times = [];
      return since;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      return { messages, requests, answered, wrong, failed: failed.slice(0, 10) };
    },
  } satisfies Driver);
  await client.connect();
}

const [role, folder = ''] = process.argv.slice(2);
await (role === 'worker' ? worker(folder) : driver());
