import { once } from 'node:events';
import { Client } from '../../lib/index.ts';
import type { Program, Stage } from './process.ts';

/** What one server took of one sender. */
interface Told {
  readonly sender: number;
  readonly last: number;
  readonly taken: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
}

export interface RestartFigures {
  readonly restarts: number;
  readonly sent: number;
  readonly taken: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly requests: number;
  readonly failedRequests: number;
  /** Errors that clients or servers told of, failed attempts to connect among them. */
  readonly errors: number;
  /** The longest that a request took. */
  readonly slowestMs: number;
  readonly ms: number;
}

const senders = 4;
const batch = 100;
const mostPauseMs = 10;

/**
 * Four senders send `count` messages each, and ask without a pause, while the server at their path is replaced by
 * another process `restarts` times, evenly spread; no more is sent when `mostMs` are over.
 */
export async function restartsUnderLoad(
  stage: Stage,
  restarts: number,
  count: number,
  mostMs = Number.POSITIVE_INFINITY,
): Promise<RestartFigures> {
  const startedAt = performance.now();
  const options = { path: stage.path('s') };
  const servers: Program[] = [await stage.program('heir', { options })];
  const reports: Promise<{ told: Told[]; errors: string[] }>[] = [];
  const report = (program: Program): void => {
    reports.push(once(program.process, 'message').then(([said]) => said as { told: Told[]; errors: string[] }));
  };
  let errors = 0;
  let requests = 0;
  let failedRequests = 0;
  let slowestMs = 0;
  const clients = await Promise.all(
    Array.from({ length: senders }, () => {
      const client = new Client(options);
      client.on('error', () => (errors += 1));
      return client.connect();
    }),
  );
  const sent = clients.map(() => 0);
  let sending = senders;
  const send = async (client: Client, sender: number): Promise<void> => {
    for (let number = 0; number < count && performance.now() - startedAt < mostMs; number++) {
      const accepted = client.send({ sender, number, text: 'something to say' });
      sent[sender] = number + 1;
      if (number % batch !== batch - 1) continue;
      await accepted;
      await new Promise(setImmediate);
      // Not so fast that all is sent before the servers were replaced.
      while (Math.min(...sent) < number - 20 * batch || number / count > (servers.length + 0.5) / (restarts + 1)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (performance.now() - startedAt > mostMs) break;
      }
    }
    sending -= 1;
    await client.flush();
  };
  const ask = async (client: Client): Promise<void> => {
    while (sending > 0) {
      const askedAt = performance.now();
      requests += 1;
      try {
        if ((await client.request(requests)) === undefined) failedRequests += 1;
      } catch {
        failedRequests += 1;
      }
      slowestMs = Math.max(slowestMs, performance.now() - askedAt);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * mostPauseMs));
    }
  };
  const replace = async (): Promise<void> => {
    while (servers.length <= restarts && sending > 0) {
      if (Math.max(...sent) / count < servers.length / (restarts + 1)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      const before = servers.at(-1);
      if (before !== undefined) report(before);
      servers.push(await stage.program('heir', { options }));
      await reports.at(-1);
    }
  };
  await Promise.all([...clients.map(send), ...clients.map(ask), replace()]);
  const last = servers.at(-1);
  if (last !== undefined) report(last);
  for (const client of clients) client.destroy();
  last?.process.send({});
  const told = await Promise.all(reports);
  const total = { taken: 0, lost: 0, doubled: 0, outOfOrder: 0 };
  sent.forEach((count, sender) => {
    let next = 0;
    for (const server of told) {
      const part = server.told.find((tally) => tally.sender === sender);
      if (part === undefined) continue;
      const first = part.last - (part.taken + part.lost - part.doubled - part.outOfOrder) + 1;
      total.taken += part.taken;
      total.doubled += part.doubled + Math.max(0, next - first);
      total.lost += part.lost + Math.max(0, first - next);
      total.outOfOrder += part.outOfOrder;
      next = part.last + 1;
    }
    total.lost += count - next;
  });
  return {
    restarts: servers.length - 1,
    sent: sent.reduce((sum, one) => sum + one, 0),
    ...total,
    requests,
    failedRequests,
    errors: errors + told.reduce((sum, server) => sum + server.errors.length, 0),
    slowestMs: Math.round(slowestMs),
    ms: Math.round(performance.now() - startedAt),
  };
}
