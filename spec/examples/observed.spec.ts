import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Client, Server } from 'busbar';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Shop } from '../../examples/observed/shop.ts';
import { addRecord } from '../../lib/cli/inspect/record.ts';
import { inProcess } from '../cli/in-process.ts';
import { until } from '../support/buses.ts';
import { root } from '../support/repository.ts';

describe('example: observed', () => {
  it('the shop - has its metrics and traces on a port, and its fault is recorded and replayed into a spec', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bb-'));
    const [path, recording] = [join(folder, 'shop.sock'), join(folder, 'fault')];
    const program = join(root, 'build/examples/observed/main.js');
    const main = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => main.once('close', resolve));
    let said = '';
    main.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    try {
      await until(() => said.includes('/traces'));
      const recorder = inProcess(addRecord, ['record', path, recording]);
      const client = await new Client({ path }).connect({ name: 'one' });
      // The recording has begun once something is in it.
      await until(async () => {
        await client.request({ item: 'hat', count: 1 });
        return statSync(recording, { throwIfNoEntry: false })?.size !== undefined && statSync(recording).size > 60;
      });
      const answers = [
        await client.request({ item: 'coat', count: 3 }),
        await client.request({ item: 'coat', count: 4 }),
      ];
      expect(answers).to.deep.equal([{ left: 2 }, { left: -2 }]);
      const [metrics, traces] = await Promise.all(
        (said.match(/http:\S+/g) ?? []).map(async (url) => (await fetch(url)).text()),
      );
      expect(metrics)
        .to.match(/^busbar_connections\{bus="server",state="attached"\} 2$/m)
        .and.to.match(/^busbar_requests_received_total\{bus="server",lane="user"\} [1-9]\d*$/m);
      expect(traces).to.match(
        /^trace [\da-f]{32}\n {2}server order {2}[\d.]+ ms\n {4}client pack {2}[\d.]+ ms\n {6}server pack {2}[\d.]+ ms\n/,
      );
      await client.close();
      await until(() => readFileSync(recording).toString('latin1').split('coat').length > 2);
      recorder.stop();
      expect((await recorder.outcome).code).to.equal(0);
      // Here begins the spec of the fault: the same orders, and no process of the shop.
      const shop = new Shop(async () => {});
      const server = new Server({ path: join(folder, 'spec.sock') });
      shop.serve(server);
      await server.start();
      const replayed = await inProcess(addRecord, [
        'replay',
        recording,
        '--to',
        join(folder, 'spec.sock'),
        '--speed',
        '0',
      ]).outcome;
      await server.close();
      expect(replayed.code).to.equal(0);
      expect(shop.stock.get('coat')).to.equal(-2);
    } finally {
      main.kill();
      await ended;
      rmSync(folder, { recursive: true });
    }
  });
});
