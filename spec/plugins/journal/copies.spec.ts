import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type DurableContext, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

interface Heard {
  readonly data: unknown;
  readonly context: DurableContext | undefined;
}

describe('journal, copies of folders', () => {
  const at = ownPlace();

  const folder = (name: string): string => join(at.home, name);

  function server(): Server {
    const up = new Server({ path: at.path, journal: journal(folder('inbox')) });
    at.open.push(up);
    return up;
  }

  function client(name = 'outbox'): Client {
    const made = new Client({ path: at.path, maxRetryTime: 100, journal: journal(folder(name)) });
    made.on('error', ({ code }) => code !== 'ERR_CONNECT' && at.errors.push(code));
    at.open.push(made);
    return made;
  }

  function hear(up: Server): Heard[] {
    const heard: Heard[] = [];
    up.on('message', (data, _, context) => void heard.push({ data, context }));
    return heard;
  }
  const dataOf = (heard: readonly Heard[]): unknown[] => heard.map(({ data }) => data);

  it('copies - of a folder whose other copy is connected are refused, and go on once that is gone', async () => {
    const up = await server().start();
    const heard = hear(up);
    const sender = client();
    await sender.send(1, { durable: true });
    await sender.close();
    cpSync(folder('outbox'), folder('copy'), { recursive: true });
    const one = await client().connect();
    const other = await client('copy').connect();
    const confirmed = other.send(2, { durable: true, confirm: true });
    await until(() => at.errors.includes('ERR_JOURNAL_IN_USE'));
    expect(dataOf(heard)).to.deep.equal([1]);
    await one.close();
    await confirmed;
    await until(() => heard.length === 2);
    expect(dataOf(heard)).to.deep.equal([1, 2]);
  });

  /** The folder as it is now, in the place of which it can be put. */
  function saved(name: string): () => void {
    cpSync(folder(name), folder('saved'), { recursive: true });
    return () => {
      rmSync(folder(name), { recursive: true });
      cpSync(folder('saved'), folder(name), { recursive: true });
    };
  }

  async function sendInLife(data: unknown): Promise<void> {
    const life = await client().connect();
    await life.send(data, { durable: true, confirm: true });
    await life.close();
  }

  it('copies - a folder that was restored is told of once, however much it has sent since, and that is heard as new', async () => {
    const heard = hear(await server().start());
    await sendInLife('a');
    const restore = saved('outbox');
    for (const data of ['b', 'c', 'd']) await sendInLife(data);
    expect(at.errors).to.deep.equal([]);
    restore();
    const restored = client();
    const sent = ['e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];
    await Promise.all(sent.map((data) => restored.send(data, { durable: true })));
    await restored.connect();
    await restored.send('m', { durable: true, confirm: true });
    restored.connection?.destroy();
    await restored.send('n', { durable: true, confirm: true });
    await until(() => heard.at(-1)?.data === 'n');
    expect(dataOf(heard)).to.deep.equal(['a', 'b', 'c', 'd', ...sent, 'm', 'n']);
    expect(heard.every(({ context }) => context?.redelivered === false)).to.equal(true);
    expect(at.errors).to.deep.equal(['ERR_JOURNAL']);
  });

  it('copies - what a restored folder sends again is dropped, and says that it may have come where that was forgotten', async () => {
    for (const lives of [3, 12]) {
      const up = await server().start();
      const heard = hear(up);
      const early = client(`outbox ${lives}`);
      await early.send('old', { durable: true });
      await early.close();
      const restore = saved(`outbox ${lives}`);
      for (let life = 0; life < lives; life++) {
        const next = await client(`outbox ${lives}`).connect();
        await next.send(life, { durable: true, confirm: true });
        await next.close();
      }
      await until(() => heard.length === lives + 1);
      expect(heard.splice(0).every(({ context }) => context?.redelivered === false)).to.equal(true);
      restore();
      const restored = await client(`outbox ${lives}`).connect();
      await restored.send('new', { durable: true, confirm: true });
      await until(() => heard.at(-1)?.data === 'new');
      const again = heard.map(({ data, context }) => [data, context?.redelivered]);
      expect(again[0]).to.deep.equal(lives > 8 ? ['old', true] : ['new', false]);
      expect(again).to.have.length(lives > 8 ? 2 : 1);
      expect(at.errors.splice(0)).to.deep.equal(['ERR_JOURNAL']);
      await restored.close();
      await up.close();
      rmSync(folder('saved'), { recursive: true });
    }
  });
});
