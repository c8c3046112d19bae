import { dirname, join } from 'node:path';
import { Client, Server } from '../../lib/index.ts';
import { journal, type JournalSettings } from '../../lib/plugins/journal/index.ts';
import { Counter } from '../counter.ts';
import { payload } from '../payloads.ts';
import { processMemory } from '../process-memory.ts';
import type { Params } from '../control/commands.ts';
import type { Remote } from '../control/desk.ts';
import type { Part, Stage } from '../scenarios/scenario.ts';
import { quantile } from '../statistics.ts';
import { nextTurn, now } from '../time.ts';

/** The same sends without a journal: what both ends have without one. */
export const session = 'session';

const burst = 128;
/** What is due beyond that waits for one of them to be acknowledged. */
const mostOpen = 10_000;

const isDurable = (peer: string): boolean => peer !== session;

/** A server that counts what its listener hears. */
export const receiver: Part = ({ peer, address }) => {
  const messages = new Counter();
  return {
    async open({ survive }) {
      const settings = { survive: survive as JournalSettings['survive'] };
      const own = isDurable(peer) ? journal(join(dirname(address), 'inbox'), settings) : undefined;
      const server = new Server({ path: address, journal: own });
      server.on('message', () => messages.add());
      await server.start();
      return {};
    },
    async until({ count }) {
      return { at: await messages.until(Number(count)) };
    },
  };
};

export const sender: Part = ({ peer, address }) => {
  const { values } = payload('game');
  const settings = isDurable(peer) ? { durable: true } : undefined;
  let client: Client;
  const make = (survive: unknown): Client => {
    const options = { survive: survive as JournalSettings['survive'] };
    return new Client({
      path: address,
      journal: isDurable(peer) ? journal(join(dirname(address), 'outbox'), options) : undefined,
    });
  };
  return {
    async open({ survive }) {
      client = make(survive);
      await client.connect();
      return {};
    },
    /** In bursts of one turn each; at most so many that were not acknowledged. */
    async flow({ ms, inFlight }) {
      const startedAt = now();
      const deadline = startedAt + Number(ms);
      const waits: Promise<void>[] = [];
      let sent = 0;
      do {
        let last: Promise<void> | undefined;
        for (let n = 0; n < burst; n++) last = client.send(values[sent++ % values.length], settings);
        if (last !== undefined) waits.push(last);
        if (waits.length * burst >= Number(inFlight)) await waits.shift();
        await nextTurn();
      } while (now() < deadline);
      await Promise.all(waits);
      return { startedAt, sent, acknowledgedAt: now() };
    },
    /** On schedule, in steps of a millisecond; a latency counts from when a message was due to when it was acknowledged. */
    async atRate({ ms, rate }) {
      const perMs = Number(rate) / 1_000;
      const total = Math.floor(perMs * Number(ms));
      const latencies = new Float64Array(total);
      const usage = process.cpuUsage();
      const startedAt = now();
      let [sent, done] = [0, 0];
      let heldMs = 0;
      let before = startedAt;
      const all: Promise<void>[] = [];
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          const at = now();
          heldMs = Math.max(heldMs, at - before - 1);
          before = at;
          const due = Math.min(total, done + mostOpen, Math.floor((at - startedAt) * perMs));
          const first = sent;
          let last: Promise<void> | undefined;
          for (; sent < due; sent++) last = client.send(values[sent % values.length], settings);
          const end = sent;
          // All of one step are written together, and resolve together.
          const note = (): void => {
            const tookMs = now() - startedAt;
            for (let nth = first; nth < end; nth++) latencies[nth] = tookMs - nth / perMs;
            done = end;
          };
          if (last !== undefined) all.push(last.then(note));
          if (sent < total) return;
          clearInterval(timer);
          resolve();
        }, 1);
      });
      await Promise.all(all);
      const { user, system } = process.cpuUsage(usage);
      const tookMs = now() - startedAt;
      latencies.sort();
      return {
        sent,
        p50: quantile(latencies, 0.5),
        p99: quantile(latencies, 0.99),
        p999: quantile(latencies, 0.999),
        cpu: (user + system) / 10 / tookMs,
        heldMs,
      };
    },
    /** Leaves records in the folder, of 100 random bytes each, and lets go of it. */
    async fill({ count }) {
      client = make(undefined);
      const data = Buffer.alloc(98, 'x').toString();
      for (let left = Number(count); left > 0; left -= 1_000) {
        await Promise.all(Array.from({ length: Math.min(left, 1_000) }, () => client.send(data, { durable: true })));
      }
      await client.close();
      return {};
    },
    /** The first `backlog()` of this process, and what memory that took at most. */
    async recover() {
      client = make(undefined);
      const { rssBytes: before = 0 } = processMemory(true);
      const startedAt = now();
      const { messages } = await client.backlog();
      const ms = now() - startedAt;
      const { peakBytes: most = 0 } = processMemory(false);
      await client.close();
      return { messages, ms, mebibytes: (most - before) / 1_048_576 };
    },
  };
};

/** Starts both ends with what they are to have. */
export async function openEnds(start: Stage['start'], params: Params): Promise<{ far: Remote; near: Remote }> {
  const far = await start('receiver');
  await far.call('open', params);
  const near = await start('sender');
  await near.call('open', params);
  return { far, near };
}
