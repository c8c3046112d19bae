import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Snapshot } from '../../lib/bus/inspect/inspection-snapshot.ts';
import { version } from '../../lib/base/version.ts';
import { looking } from '../../lib/cli/inspect/commands.ts';
import { addDoctor, type Finding, findingsOf } from '../../lib/cli/inspect/doctor.ts';
import { Client, type ClientOptions, type Connection, Server } from '../../lib/index.ts';
import { struct, text, u32 } from '../../lib/struct/index.ts';
import { until } from '../support/buses.ts';
import type { Outcome } from '../support/command.ts';
import { hello, offer, Stranger } from '../support/stranger.ts';
import { inProcess } from './in-process.ts';

const Move = struct('move', { x: u32 });
const OtherMove = struct('move', { x: u32, y: u32 });
const Name = struct('name', { name: text });

describe('busbar doctor', () => {
  let folder: string;
  let path: string;
  const closing: { close(): Promise<unknown> }[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    path = join(folder, 'bus.sock');
  });

  afterEach(async () => {
    for (const one of closing.splice(0).reverse()) await one.close();
    rmSync(folder, { recursive: true });
  });

  const doctor = (...args: string[]): Promise<Outcome> => inProcess(addDoctor, ['doctor', ...args]).outcome;

  async function enter(name: string, options: ClientOptions = {}): Promise<Client> {
    const client = new Client({ path, reconnect: false, ...options });
    client.on('error', () => {});
    closing.push(client);
    return client.connect({ name });
  }

  async function strange(busbar: object): Promise<Stranger> {
    const stranger = await Stranger.at({ path });
    stranger.send(hello({ extras: { name: 'gone' }, messagepack: true, busbar }));
    return stranger;
  }

  it('what is wrong, and what will be - is a finding each, with what to do, and exit code 1', async () => {
    const server = new Server({
      path,
      max: 6,
      maxDetached: 1,
      maxUnackedBytes: 100_000,
      maxPendingMessages: 100,
      maxOpenRequests: 5,
      contracts: [Move, Name],
      authorize: (payload) => payload !== 'refuse me',
    });
    const connected = new Map<unknown, Connection>();
    server.on('connect', (peer, payload: { name: string }) => void connected.set(payload.name, peer));
    server.on('error', () => {});
    server.handle(() => new Promise(() => {}));
    closing.push(await server.start());
    const of = (name: string): Connection => {
      const found = connected.get(name);
      if (found === undefined) throw new Error(`${name} is not here`);
      return found;
    };

    // Two go without a word, of which the first one loses its session to the second.
    for (const wanted of [0, 1]) {
      const gone = await strange(offer);
      await until(() => connected.has('gone'));
      void of('gone').send('never acknowledged');
      gone.socket.destroy();
      await until(() => !of('gone').attached && server.stats().undelivered === wanted);
      if (wanted === 0) connected.delete('gone');
    }
    await (await strange({ ...offer, versions: [99] })).closed;
    await new Client({ path, retries: 0 }).connect('refuse me').catch(() => {});

    const old = await enter('old', { native: false });
    old.handle(() => new Promise((resolve) => setTimeout(resolve, 60)));
    await of('old')
      .request('late', 20)
      .catch(() => {});
    await of('old').send(Move.of({ x: 1 }));
    await enter('differing', { contracts: [OtherMove, Name] });
    const stalled = await enter('stalled');
    stalled.connection?.pause();
    for (let n = 0; n < 120; n++)
      of('stalled')
        .send(Buffer.alloc(950))
        .catch(() => {});
    const asker = await enter('asker');
    for (let n = 0; n < 4; n++) void asker.request(n).catch(() => {});
    await until(() => server.stats().lateResponses === 1 && server.stats().requests.received === 4);

    const busy = setInterval(() => {
      for (const end = performance.now() + 200; performance.now() < end; );
    }, 300);
    const outcome = await doctor(path, '--json');
    clearInterval(busy);
    expect([outcome.code, outcome.stderr]).to.deep.equal([1, '']);
    const findings = outcome.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Finding);
    expect(findings.map(({ finding }) => finding)).to.deep.equal([
      'near max',
      'near maxDetached',
      'near maxUnackedBytes',
      'near maxPendingMessages',
      'near maxOpenRequests',
      'slow peers',
      'sessions without a link',
      'event loop',
      'versions',
      'versions',
      'contracts',
      'fallbacks',
      'refused',
      'undelivered',
      'late answers',
    ]);
    for (const { advice } of findings) expect(advice).to.match(/^[A-Z`d].*\.$/);
    const whats = findings.map(({ what }) => what).join('\n');
    expect(whats).to.match(/^frames unacknowledged by stalled \(.*\): 100 of 100$/m);
    expect(whats).to.match(/^net-ipc clients: old \(.*\)$/m);
    expect(whats).to.match(/^1 clients of another version of the protocol were refused$/m);
    expect(whats).to.match(
      /^other contracts at differing \(.*\), which lack "move" of this server, which have up to 1 that this server lacks$/m,
    );
    expect(whats).to.match(/^messages to old \(.*\) travelled without their contract$/m);
    expect(whats).to.match(/^1 times ERR_UNAUTHORIZED since /m);
  });

  it('a server of another version - is a finding', async () => {
    closing.push(await new Server({ path }).start());
    const snapshot = await looking(path, { timeout: 10_000 }, async (looker) => {
      return (await looker.ask('stats', { has: 0 }, 10_000)) as Snapshot;
    });
    expect(snapshot.busbar).to.equal(version);
    expect(findingsOf(snapshot)).to.deep.equal([]);
    expect(findingsOf({ ...snapshot, busbar: '0.0.1' }).map(({ what }) => what)).to.deep.equal([
      `the server runs busbar 0.0.1, this command is of ${version}`,
    ]);
    expect(findingsOf({ ...snapshot, busbar: undefined })[0]?.what).to.include('of an older version');
  });

  it('one that cannot look - says why by its exit code', async () => {
    const silent = createServer((socket) => void closing.push({ close: async () => void socket.destroy() }));
    await new Promise<void>((resolve) => silent.listen(join(folder, 'silent.sock'), resolve));
    closing.push({ close: async () => void silent.close() });
    closing.push(await new Server({ path, inspect: false }).start());
    const refused = await doctor(path);
    expect(refused.code).to.equal(1);
    expect(JSON.parse(refused.stderr)).to.include({ code: 'ERR_UNAUTHORIZED' });
    expect((await doctor()).code).to.equal(2);
    expect((await doctor(join(folder, 'nobody.sock'))).code).to.equal(3);
    expect((await doctor(join(folder, 'silent.sock'), '--timeout', '200')).code).to.equal(4);
  });
});
