import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { services, type ServicesHub } from '../../../lib/plugins/services/index.ts';
import { sleep, until } from '../../support/buses.ts';
import { socketFolder } from '../../support/links.ts';
import { waitedForCoreMs } from '../../support/stopwatch.ts';
import type { Counted } from './owner-program.ts';

interface Counter {
  add(): Counted;
}

/** What the longest wait may be beside what the processes wait for a core, ms: for themselves they need 50. */
const mostMs = 250;
const keys = Array.from({ length: 1_000 }, (_, number) => `${number}`);

describe('services in processes', () => {
  let folder: ReturnType<typeof socketFolder>;
  let path: string;
  let server: Server;
  let hub: ServicesHub;
  let children: ChildProcess[];

  beforeEach(async () => {
    folder = socketFolder();
    path = folder.path('s');
    server = new Server({ path });
    hub = server.use(services());
    await server.start();
    children = [];
  });

  afterEach(async () => {
    await Promise.all(children.map((child) => kill(child)));
    await server.close();
    folder.remove();
  });

  async function owner(name: string): Promise<ChildProcess> {
    const child = fork(new URL('owner-program.js', import.meta.url), [path, name]);
    children.push(child);
    await once(child, 'message');
    return child;
  }

  /** Starts to count how long all processes that are here now wait for a core. */
  function stopwaiting(): () => number {
    const before = [process.pid, ...children.flatMap(({ pid }) => pid ?? [])].map(
      (pid) => [pid, waitedForCoreMs(pid)] as const,
    );
    return () => before.reduce((sum, [pid, waitedMs]) => sum + Math.max(0, waitedForCoreMs(pid) - waitedMs), 0);
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  it('owners that are restarted one after the other - lose, double and mix up nothing, and no key has two owners', async function () {
    let owners = await Promise.all(['a', 'b', 'c', 'd'].map((name) => owner(name)));
    const client = new Client({ path });
    const counters = client.use(services({ name: 'caller' })).service<Counter>('counter');
    await client.connect();
    const calls = keys.map((key) => counters.key(key).call);
    const made = keys.map(() => 0);
    const wrong: string[] = [];
    const ownerIn = new Map<string, string>();
    const waits: number[] = [];
    let open = 0;
    const call = (at: number): void => {
      const key = keys[at] ?? '';
      const nth = (made[at] ?? 0) + 1;
      const startedAt = performance.now();
      made[at] = nth;
      open += 1;
      const answered = ([by, epoch, count]: Counted): void => {
        waits.push(performance.now() - startedAt);
        if (count !== nth) wrong.push(`${key}: call ${nth} is counted as ${count}`);
        const known = ownerIn.get(`${key} ${epoch}`) ?? by;
        if (known !== by) wrong.push(`${key}: ${known} and ${by} in epoch ${epoch}`);
        ownerIn.set(`${key} ${epoch}`, by);
      };
      const counter = calls[at];
      if (counter === undefined) throw new Error(`there is no key ${at}`);
      void counter
        .add()
        .then(answered, (error: unknown) => wrong.push(String(error)))
        .finally(() => (open -= 1));
    };
    let running = true;
    const traffic = (async () => {
      for (let at = 0; running; at += 1) {
        call(at % keys.length);
        if (at % 10 === 9) await sleep(1);
        while (open > 5_000) await sleep(1);
      }
    })();
    let waitedMs = 0;
    for (let at = 0; at < 4; at += 1) {
      await sleep(100);
      const waited = stopwaiting();
      const name = `second ${at}`;
      const next = await owner(name);
      const [leaving] = owners.splice(0, 1);
      leaving?.send('close');
      if (leaving !== undefined) await once(leaving, 'exit');
      owners = [...owners, next];
      waitedMs = Math.max(waitedMs, waited());
    }
    await sleep(100);
    running = false;
    await traffic;
    await until(() => open === 0);
    await client.close();
    expect(wrong.slice(0, 5)).to.deep.equal([]);
    expect(made.every((count) => count > 0)).to.equal(true);
    expect(new Set(keys.map((key) => hub.owner('counter', key)?.name.slice(0, 6)))).to.deep.equal(new Set(['second']));
    const longest = Math.max(...waits);
    expect(longest, `beside ${waitedMs} ms without a core`).to.be.below(mostMs + waitedMs);
    if (this.test !== undefined) this.test.title += ` (${waits.length} calls, longest ${longest.toFixed(0)} ms)`;
  }).timeout(120_000);

  it('an owner that is killed - has all its keys opened elsewhere, soon', async function () {
    const [first] = await Promise.all([owner('a'), owner('b'), owner('c')]);
    const counters = hub.service<Counter>('counter');
    await Promise.all(keys.map((key) => counters.key(key).call.add()));
    const its = keys.filter((key) => hub.owner('counter', key)?.name === 'a');
    expect(its.length).to.be.within(150, 550);
    const waited = stopwaiting();
    const startedAt = performance.now();
    first?.kill('SIGKILL');
    await until(() => its.every((key) => !['a', undefined].includes(hub.owner('counter', key)?.name)));
    const passedMs = performance.now() - startedAt;
    const waitedMs = waited();
    expect(passedMs, `beside ${waitedMs} ms without a core`).to.be.below(mostMs + waitedMs);
    const [, , count] = await counters.key(its[0] ?? '').call.add();
    expect(count).to.equal(1);
    if (this.test !== undefined) this.test.title += ` (${its.length} keys, ${passedMs.toFixed(0)} ms)`;
  }).timeout(60_000);

  it('thirty that are killed and started again - leave no member, and no key with one that is gone', async () => {
    const counters = hub.service<Counter>('counter');
    const names = Array.from({ length: 10 }, (_, number) => `${number}`);
    let owners = await Promise.all(names.map((name) => owner(name)));
    for (let round = 0; round < 3; round += 1) {
      const called = Promise.allSettled(keys.slice(0, 100).map((key) => counters.key(key).call.add()));
      await Promise.all(owners.map((child) => kill(child)));
      owners = await Promise.all(names.map((name) => owner(name)));
      await called;
    }
    await until(() => hub.members().length === 11);
    expect(
      hub
        .members()
        .map(({ name }) => name)
        .sort(),
    ).to.deep.equal([...names, 'hub'].sort());
    await Promise.all(keys.slice(0, 100).map((key) => counters.key(key).call.add()));
    for (const key of keys.slice(0, 100)) expect(hub.owner('counter', key)?.state).to.equal('up');
  }).timeout(300_000);
});
