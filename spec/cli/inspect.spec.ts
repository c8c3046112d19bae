import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Snapshot } from '../../lib/bus/inspect/inspection-snapshot.ts';
import { fitsGlob } from '../../lib/base/glob.ts';
import { addClients } from '../../lib/cli/inspect/commands.ts';
import { addDoctor } from '../../lib/cli/inspect/doctor.ts';
import { addRecord } from '../../lib/cli/inspect/record.ts';
import { addTap } from '../../lib/cli/inspect/tap.ts';
import { cut, fit, short } from '../../lib/cli/inspect/text.ts';
import { addTop } from '../../lib/cli/inspect/top.ts';
import { topLines } from '../../lib/cli/inspect/top-screen.ts';
import { viewOf } from '../../lib/cli/inspect/view.ts';
import { Client, MessageCodec, Server } from '../../lib/index.ts';
import type { Program } from '../../lib/cli/program.ts';
import { until } from '../support/buses.ts';
import type { Outcome } from '../support/command.ts';
import { FolderBus } from './folder-bus.ts';
import { inProcess } from './in-process.ts';

const add = (program: Program): void => {
  for (const command of [addClients, addTop, addTap, addRecord, addDoctor]) command(program);
};
const busbar = (...args: string[]): Promise<Outcome> => inProcess(add, args).outcome;
const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const hostile = 'a\u001b[2J\u202e<b>';

describe('busbar top, tap, record, replay and doctor', () => {
  let bus: FolderBus;
  let folder: string;
  let path: string;
  let server: Server;

  beforeEach(async () => {
    bus = new FolderBus({ redact: ['password', 'card.number'], authorize: (payload) => payload !== 'refuse me' });
    ({ folder, path, server } = bus);
    server.on('message', () => {});
    server.handle((question) => question);
    await server.start();
  });

  afterEach(() => bus.close());

  const enter = (name: string): Promise<Client> => bus.enter(name);

  it('top - is one table without a terminal, and an object a second with --json', async () => {
    const client = await enter(hostile);
    await enter('quiet');
    const sending = setInterval(() => void client.send('x'), 20);
    try {
      const table = await busbar('top', path);
      expect([table.code, table.stderr]).to.deep.equal([0, '']);
      expect(table.stdout).to.not.match(/(?!\n)[\p{Cc}\p{Cf}]/u);
      expect(table.stdout)
        .to.include('peers 2 (0 away, 0 slow)')
        .and.to.match(/a\\u001b\[/);
      expect(table.stdout.split('\n')[5]).to.match(/^PEER +NAME +LINK +IN\/S/);
      const objects = inProcess(add, ['top', path, '--json']);
      await until(() => objects.said.stdout !== '');
      objects.stop();
      expect((await objects.outcome).code).to.equal(0);
      const [view] = linesOf(objects.said.stdout);
      expect(view).to.have.nested.property('rates.in').that.is.greaterThan(1);
      expect(view?.['peers']).to.have.lengthOf(2);
    } finally {
      clearInterval(sending);
    }
  });

  it('tap - shows what goes by, masked, cut and filtered, and ends at a signal; nobody taps after that', async () => {
    const client = await enter(hostile);
    const tap = inProcess(add, ['tap', path, 'room.*', '--json']);
    const text = inProcess(add, ['tap', path, 'request']);
    const send = setInterval(() => {
      void client.send({ topic: 'other', n: 0 });
      void client.send({
        topic: 'room.7',
        password: 'secret',
        card: { number: 42, kind: 'x' },
        long: 'y'.repeat(5_000),
      });
      void client.request({ esc: '\u001b[31m\u0007' });
    }, 20);
    await until(() => tap.said.stdout !== '' && text.said.stdout !== '');
    clearInterval(send);
    tap.stop();
    text.stop();
    expect([(await tap.outcome).code, (await text.outcome).code]).to.deep.equal([0, 0]);
    const [line] = linesOf(tap.said.stdout);
    expect(line).to.include({ peer: client.id, direction: 'in', kind: 'message', lane: '', cut: true, dropped: 0 });
    expect(line?.['data']).to.deep.include({ topic: 'room.7', password: '[redacted]' });
    expect(line).to.have.nested.property('data.card').that.deep.equals({ number: '[redacted]', kind: 'x' });
    expect(JSON.stringify(line).length).to.be.lessThan(1_000);
    expect(tap.said.stdout).to.not.include('"other"').and.to.not.include('secret');
    expect(text.said.stdout).to.include('request').and.to.include('\\u001b[31m\\u0007');
    expect(text.said.stdout).to.not.match(/(?!\n)\p{Cc}/u);
    expect(await busbar('tap', path, '--sample', '2')).to.include({ code: 2 });
    expect(await busbar('tap', path, 'x'.repeat(300))).to.include({ code: 1 });
  });

  it('tap - drops what is too much, says how much, and lets nothing wait', async () => {
    const client = await enter('busy');
    const tap = inProcess(add, ['tap', path, '--json']);
    const send = setInterval(() => {
      for (let n = 0; n < 2_000; n++) void client.send(n);
    }, 10);
    const dropped = (): number => linesOf(tap.said.stdout).reduce((sum, line) => sum + Number(line['dropped']), 0);
    await until(() => tap.said.stdout.includes('"dropped":') && dropped() > 1_000);
    clearInterval(send);
    tap.stop();
    await tap.outcome;
    expect(linesOf(tap.said.stdout).length).to.be.greaterThan(100);
  });

  it('record and replay - give another server the same, in the same order, byte for byte', async () => {
    const [one, two] = [await enter('one'), await enter('two')];
    const file = join(folder, 'recording');
    const recorder = inProcess(add, ['record', path, file]);
    await until(() => recorder.said.stderr !== '' && server.stats().messages.received >= 0);
    const heard: unknown[] = [];
    server.on('message', (message) => void heard.push(message));
    server.handle((question) => {
      heard.push({ question });
      return question;
    });
    // The tap is there once something was recorded.
    await until(() => {
      void one.send('first');
      return statSync(file).size > 100;
    });
    await one.flush();
    for (let n = 0; n < 200; n++) {
      const client = n % 3 === 0 ? two : one;
      const value = {
        n,
        bytes: new Uint8Array([n, 0, 255]),
        when: new Date(n),
        big: 2n ** 65n,
        map: new Map([[n, 'x']]),
      };
      if (n % 5 === 0) await client.request(value);
      else await client.send(value, { confirm: n % 7 === 0 });
      if (n % 3 !== 1) await client.flush();
    }
    await until(() => heard.filter((value) => typeof value === 'object').length === 200);
    await new Promise((resolve) => setTimeout(resolve, 200));
    recorder.stop();
    const recorded = await recorder.outcome;
    expect(recorded).to.deep.include({ code: 0 });
    expect(recorded.stderr).to.include('whole values').and.to.include('nothing in them is masked');
    expect(linesOf(recorded.stdout)[0]).to.include({ file, dropped: 0 });
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    const other = join(folder, 'other.sock');
    const again: unknown[] = [];
    const names: unknown[] = [];
    const target = await new Server({ path: other }).start();
    try {
      target.on('connect', (_, payload) => void names.push(payload));
      target.on('message', (message) => void again.push(message));
      target.handle((question) => {
        again.push({ question });
        return question;
      });
      const replayed = await busbar('replay', file, '--to', other, '--speed', '0', '--payload', '"replayed"');
      expect([replayed.code, replayed.stderr]).to.deep.equal([0, '']);
      expect(linesOf(replayed.stdout)[0]).to.include({ requests: 40, failed: 0, clients: 2 });
      expect(names).to.deep.equal(['replayed', 'replayed']);
      const codec = new MessageCodec();
      const bytes = (values: readonly unknown[]): string[] =>
        values.map((value) => Buffer.from(codec.encode(value)).toString('hex'));
      expect(bytes(again)).to.deep.equal(bytes(heard.slice(heard.length - again.length)));
      expect(again.length).to.be.at.least(200);
    } finally {
      await target.close();
    }
    expect(await busbar('record', path, file)).to.include({ code: 2 });
    expect(await busbar('replay', path, '--to', other)).to.not.include({ code: 0 });
    expect(await busbar('replay', file, '--to', other, '--timeout', '500')).to.include({ code: 3 });
    expect(readFileSync(file).toString('latin1', 0, 19)).to.equal('busbar recording 1\n');
  });

  it('survey and broadcast - are asked of the server', async () => {
    const client = await enter('one');
    client.handle((question) => ({ question }));
    const heard: unknown[] = [];
    client.on('message', (message) => void heard.push(message));
    const survey = await busbar('survey', path, '1');
    expect(linesOf(survey.stdout)).to.deep.equal([
      { peer: client.id, name: 'one', status: 'fulfilled', value: { question: 1 } },
    ]);
    expect(linesOf((await busbar('broadcast', path, '"all"')).stdout)).to.deep.equal([{ peers: 1 }]);
    await until(() => heard.length === 1);
    expect(server.connections).to.have.lengthOf(1);
  });

  it('doctor - finds nothing at a server that is well, and ends with 1 and what to do at one that is not', async () => {
    const well = await busbar('doctor', path, '--json');
    // The machine may be busy, and nothing else is to be found.
    expect(linesOf(well.stdout).filter(({ finding }) => finding !== 'event loop')).to.deep.equal([]);
    expect(well.code).to.equal(well.stdout === '' ? 0 : 1);
    const stranger = new Client({ path, retries: 0 });
    await stranger.connect('refuse me').catch(() => {});
    const found = await busbar('doctor', path);
    expect(found.code).to.equal(1);
    expect(found.stdout).to.match(/^refused: 1 times ERR_UNAUTHORIZED since \d+\w/m);
  });
});

describe('what commands show', () => {
  const peer = {
    id: 'p',
    name: hostile,
    address: '/x',
    link: 'unix',
    attached: true,
    delivery: 'session',
    since: 0,
    sent: 0,
    received: 0,
    bytesSent: 0,
    bytesReceived: 0,
    requestsSent: 0,
    requestsReceived: 0,
    open: 0,
    handling: 0,
    unackedMessages: 0,
    unackedBytes: 0,
    waiting: 0,
    roundTripMs: undefined,
    slow: 0,
    late: 0,
    fallbacks: 0,
    contracts: undefined,
  };
  const both = { sent: 0, received: 0 };
  const stats = {
    since: 0,
    messages: both,
    requests: { ...both, open: 0 },
    bytes: both,
    lanes: {},
    unacknowledged: { messages: 0, bytes: 0 },
    waiting: { messages: 0, bytes: 0 },
    resumes: { fresh: 0, resumed: 0, lost: 0 },
    lateResponses: 0,
    undelivered: 0,
    slow: 0,
    refused: {},
    roundTripMs: { count: 0, min: 0, mean: 0, p99: 0, sum: 0, buckets: {} },
    handlerMs: { count: 0, sum: 0, buckets: {} },
    plugins: {},
  };
  const snapshot = (at: number, peers: Snapshot['peers'], more: Partial<Snapshot> = {}): Snapshot => ({
    at,
    address: '/x',
    pid: 1,
    node: '24.0.0',
    busbar: '0.1.0',
    uptimeS: 90,
    memoryBytes: 1e6,
    cpuUs: 0,
    loopMs: undefined,
    limits: { max: Infinity, maxUnackedBytes: 1_000, maxPendingMessages: 100, maxOpenRequests: 100, maxDetached: 10 },
    stats,
    peers,
    gone: [],
    after: 0,
    serial: 1,
    peersLeftOut: 0,
    ...more,
  });

  it('screens - have 80 columns and 24 lines at the most, the slow first, and a peer that is opened', () => {
    const peers = Array.from({ length: 100 }, (_, at) => ({ ...peer, id: `peer ${at}`, waiting: at === 70 ? 3 : 0 }));
    const before = peers.map((one) => ({ ...one, received: 0 }));
    const view = viewOf(
      snapshot(
        2_000,
        peers.map((one, at) => ({ ...one, received: at * 10 })),
      ),
      snapshot(1_000, before),
    );
    const looking = { order: 'slow', isReversed: false, isFrozen: false, selected: undefined, isOpen: false } as const;
    const bare = (lines: readonly string[]): string[] => lines.map((line) => stripVTControlCharacters(line));
    const lines = bare(topLines(view, looking, 80, 24, false));
    expect(lines).to.have.lengthOf(24);
    for (const line of lines) expect(line.length, line).to.be.at.most(80);
    expect(lines[6]).to.match(/^peer 70 /);
    expect(lines[7]).to.match(/^peer 99 .* 990 /);
    expect(lines[21]).to.match(/^… and \d+ more$/);
    const low = bare(topLines(view, { ...looking, selected: 'peer 0' }, 80, 24, false));
    expect(low.some((line) => line.startsWith('peer 0 '))).to.equal(true);
    const opened = bare(topLines(view, { ...looking, selected: 'peer 70', isOpen: true }, 80, 24, false));
    expect(opened.join('\n'))
      .to.match(/^waiting +3$/m)
      .and.to.match(/^unacknowledged +0 of 100, 0 bytes of 1000$/m);
    expect(opened).to.have.lengthOf(24);
  });

  it('texts - are as wide as they should be, without commands to the terminal', () => {
    expect(fit('日本語', 8)).to.equal('日本語  ');
    expect(fit('日本語', 5)).to.equal('日本…');
    expect(fit('\u001b[2J', 4, 'right')).to.equal('\\u0…');
    expect(cut('x'.repeat(1e6), 3)).to.equal('xx…');
    expect([0, 0.25, 9.96, 12, 999, 1_000, 12_345, 999_600, 5e9, undefined].map(short)).to.deep.equal([
      '0',
      '0.3',
      '10',
      '12',
      '999',
      '1.0k',
      '12k',
      '1.0M',
      '5.0G',
      '-',
    ]);
  });

  it('globs - fit texts, in no time for hostile ones', () => {
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['room.*', 'room.1', true],
      ['room.*', 'xroom.1', false],
      ['*', '', true],
      ['', '', true],
      ['', 'a', false],
      ['r?om', 'room', true],
      ['*a*b', 'xxaxxb', true],
      ['*a*b', 'xxaxxbx', false],
    ];
    for (const [glob, text, fits] of cases) expect(fitsGlob(glob, text), `${glob} ${text}`).to.equal(fits);
    expect(fitsGlob('*a'.repeat(100), `${'a'.repeat(128)}b`)).to.equal(false);
  });
});
