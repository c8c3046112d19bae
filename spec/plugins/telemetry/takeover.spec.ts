import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Client } from '../../../lib/index.ts';
import { telemetry } from '../../../lib/plugins/telemetry/index.ts';
import { until } from '../../support/buses.ts';
import { Exported, type PlainSpan } from './exported.ts';

const program = fileURLToPath(new URL('traced-server-program.js', import.meta.url));

describe('telemetry, takeover between processes', () => {
  let exported: Exported;
  let folder: string;
  let client: Client;
  const children: ChildProcess[] = [];

  before(function () {
    if (process.platform === 'win32') this.skip();
    exported = new Exported();
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
  });
  after(async () => {
    await client.close();
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(async (child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    rmSync(folder, { recursive: true });
    await exported.stop();
  });

  /** A process, and what it says. */
  function start(path: string): { readonly child: ChildProcess; readonly said: unknown[] } {
    const child = fork(program, [path], { serialization: 'advanced' });
    const said: unknown[] = [];
    child.on('message', (word) => said.push(word));
    children.push(child);
    return { child, said };
  }

  it('requests before, under way and after - are each one trace over three processes', async () => {
    const path = join(folder, 's');
    const old = start(path);
    await until(() => old.said.includes('started'));
    client = new Client({ path });
    client.on('error', () => {});
    client.use(telemetry({ nameOf: String }));
    client.handle((question) => question);
    await client.connect();
    const ask = (question: string, name: string): Promise<unknown> =>
      exported.within(name, () => client.request(question, { timeout: 60_000, idempotent: true }));
    expect(await ask('all', 'before')).to.equal(old.child.pid);
    const underWay = ask('slow', 'under way');
    await until(() => old.said.includes('slow'));
    const heir = start(path);
    await until(() => heir.said.includes('started'));
    let overlapping = 0;
    const answered = until(async () => {
      overlapping += 1;
      return (await ask('plain', 'overlapping')) === heir.child.pid;
    });
    old.child.send('answer');
    expect(await underWay).to.equal(old.child.pid);
    await answered;
    expect(await ask('all', 'after')).to.equal(heir.child.pid);
    await client.close();
    heir.child.send('close');
    for (const { said } of [old, heir]) {
      await until(() => Array.isArray(said.at(-1)));
      exported.add(said.at(-1) as PlainSpan[]);
    }
    const further = ['  client all', '    server all', '      client part', '        server part'];
    expect(exported.tree.sort()).to.deep.equal(
      [
        ...['before', 'after'].flatMap((name) => [`internal ${name}`, ...further]),
        ...['internal under way', '  client slow', '    server slow'],
        ...Array.from({ length: overlapping }, () => [
          'internal overlapping',
          '  client plain',
          '    server plain',
        ]).flat(),
      ].sort(),
    );
    expect([exported.broken, exported.traces]).to.deep.equal([[], 3 + overlapping]);
  });
});
