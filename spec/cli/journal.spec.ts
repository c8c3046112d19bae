import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';
import { journal, Log } from '../../lib/plugins/journal/index.ts';
import { rejected, until } from '../support/buses.ts';
import { command, type Outcome } from '../support/command.ts';
import { cli } from './dispatch-process.ts';
import { journalInProcess } from './in-process.ts';

const writer = fileURLToPath(new URL('../plugins/journal/log-writer.js', import.meta.url));

/** The command in a process of its own. */
const program = (...args: string[]): Promise<Outcome> => command(process.execPath, [cli, 'journal', ...args]);

/** The same in this one. */
const busbar = journalInProcess;

/** All that a folder is, to the time of each file's last change. */
function stateOf(folder: string): unknown {
  return readdirSync(folder)
    .sort()
    .map((name) => [name, statSync(join(folder, name)).mtimeMs, readFileSync(join(folder, name), 'latin1')]);
}

describe('busbar journal', () => {
  let home: string;
  let folder: string;
  const running: ChildProcess[] = [];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    folder = join(home, 'state');
  });
  afterEach(async () => {
    for (const child of running.splice(0)) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    rmSync(home, { recursive: true, force: true });
  });

  async function outboxWith(...messages: unknown[]): Promise<void> {
    const client = new Client({ path: join(home, 'bus.sock'), journal: journal(folder) });
    for (const message of messages) await client.send(message, { durable: true });
    await client.close();
  }

  async function records(...bodies: string[]): Promise<string> {
    const log = await Log.open(folder);
    for (const body of bodies) log.append(Buffer.from(body));
    await log.close();
    return join(folder, readdirSync(folder).sort().at(-1) ?? '');
  }

  it('a sender - shows segments and what waits, as text, JSON and record by record, and changes nothing', async () => {
    await outboxWith({ order: 1 }, 'two', Buffer.from([1, 2]));
    await outboxWith(4);
    const before = stateOf(folder);
    const json = await program(folder, '--json');
    const files = readdirSync(folder).sort();
    expect(JSON.parse(json.stdout)).to.deep.equal({
      segments: [
        { file: files[0], bytes: statSync(join(folder, files[0] ?? '')).size, first: 1, last: 3 },
        { file: files[1], bytes: statSync(join(folder, files[1] ?? '')).size, first: 4, last: 4 },
      ],
      waiting: 4,
      deadLetters: [],
    });
    const text = await busbar(folder);
    expect(text.stdout)
      .to.include('4 messages wait, and there are 0 dead letters.\nNo process uses the folder.\n')
      .and.include(files[1]);
    for (const line of text.stdout.split('\n')) expect(line.length).to.be.lessThan(80);
    const dump = await busbar(folder, '--dump');
    const lines = dump.stdout.trimEnd().split('\n');
    const dumped = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const messages = dumped.filter(({ kind }) => kind === 'message');
    expect(messages.map(({ sequence, data }) => [sequence, data])).to.deep.equal([
      [1, { order: 1 }],
      [2, 'two'],
      [3, { base64: 'AQI=' }],
      [4, 4],
    ]);
    expect(messages[0]?.['time']).to.match(/^\d{4}-\d\d-\d\dT/);
    expect(messages[0]?.['journal']).to.not.equal(messages[3]?.['journal']);
    expect(dumped.filter(({ sequence }) => sequence === 0).map(({ kind }) => kind)).to.include('taken');
    for (const outcome of [json, text, dump]) expect([outcome.code, outcome.stderr]).to.deep.equal([0, '']);
    expect(stateOf(folder)).to.deep.equal(before);
  });

  it('a receiver that holds the folder - is read beside it: what is not handled waits', async () => {
    const path = join(home, 'bus.sock');
    const server = new Server({ path, journal: journal(folder) });
    const open: (() => void)[] = [];
    server.on('message', () => new Promise<void>((resolve) => open.push(resolve)));
    const client = new Client({ path, journal: journal(join(home, 'outbox')) });
    try {
      await server.start();
      await client.connect();
      for (const order of ['a', 'b', 'c']) await client.send(order, { durable: true, confirm: true });
      await until(() => open.length === 3);
      open[0]?.();
      await until(async () => JSON.parse((await busbar(folder, '--json')).stdout).waiting === 2);
      const { code, stdout } = await busbar(folder);
      expect(stdout).to.include('2 messages wait, and').and.include(`It is in use by process ${process.pid} of `);
      expect(code).to.equal(0);
      const { stdout: dump } = await busbar(folder, '--dump');
      const texts = dump.trimEnd().split('\n');
      const received = texts.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'received');
      const messages = received.flatMap((record) => record.messages as { readonly data: unknown }[]);
      expect(messages.map(({ data }) => data)).to.deep.equal(['a', 'b', 'c']);
      await until(async () => JSON.parse((await busbar(join(home, 'outbox'), '--json')).stdout).waiting === 0);
    } finally {
      for (const settle of open) settle();
      await client.close();
      await server.close();
    }
  });

  it('a log that is written meanwhile - is read again and again without a complaint, and its writer goes on', async function () {
    this.timeout(60_000);
    const child = spawn(process.execPath, [writer, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(child);
    let printed = 0;
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.length));
    for (let round = 0; round < 5; round++) {
      const before = printed;
      await until(() => printed > before);
      const { code, stderr, stdout } = await (round === 0 ? program : busbar)(folder, '--json');
      expect([code, stderr]).to.deep.equal([0, '']);
      // Segments may go while they are read, the oldest first.
      const { segments } = JSON.parse(stdout) as { readonly segments: { readonly first: number; last: number }[] };
      // One that was removed while it was read leaves a gap.
      for (const [index, { first }] of segments.slice(1).entries())
        expect(first).to.be.greaterThan(segments[index]?.last ?? 0);
    }
    expect(child.exitCode).to.equal(null);
  });

  it('damage - is told of with code 2, what is whole is shown, and nothing is repaired; a torn end is none', async () => {
    const first = await records('a', 'b', 'c');
    const last = await records('d');
    const bytes = readFileSync(first);
    bytes[52 + 17 + 16] = (bytes[52 + 17 + 16] as number) ^ 1;
    writeFileSync(first, bytes);
    writeFileSync(last, readFileSync(last).subarray(0, -1));
    const before = stateOf(folder);
    const { code, stdout, stderr } = await program(folder, '--dump');
    const seen = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(seen.map(({ sequence, kind, text }) => [sequence, kind, text])).to.deep.equal([[1, 'other', 'a']]);
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      `${first} is damaged at byte 69: 34 bytes cannot be read\n${last} ends within a record at byte 52, as the end of a process leaves it\n`,
    );
    expect(stateOf(folder)).to.deep.equal(before);
    writeFileSync(first, readFileSync(first).subarray(0, 69));
    expect((await busbar(folder)).code).to.equal(0);
    await (await Log.open(folder)).close();
    expect((await busbar(folder)).stdout).to.include('1 files have damaged bytes of earlier (*.damaged).');
  });

  it('another version - is told of with code 3, and is not opened, nor repaired', async () => {
    const path = await records('a');
    const bytes = readFileSync(path);
    bytes.write('busbarJ2');
    // Not by a bit that was changed: nothing else fits either.
    bytes.writeUInt32LE(7, 48);
    writeFileSync(path, bytes);
    const before = stateOf(folder);
    const { code, stdout, stderr } = await busbar(folder, '--json');
    expect([code, stdout]).to.deep.equal([3, '']);
    expect(stderr).to.include(path).and.include('another version');
    const error = await rejected(Log.open(folder));
    expect([error.code, error.message]).to.deep.equal(['ERR_JOURNAL', stderr.slice('busbar journal: '.length, -1)]);
    expect(stateOf(folder)).to.deep.equal(before);
  });

  it('what is no journal - is told apart, with code 1', async () => {
    mkdirSync(folder);
    writeFileSync(join(home, 'file'), '');
    const cases: readonly (readonly [args: readonly string[], text: string])[] = [
      [[join(home, 'none')], 'There is no folder'],
      [[join(home, 'file')], 'cannot be read: ENOTDIR'],
      [[folder], 'There is no journal in'],
      [[], "missing required argument 'folder'"],
      [[folder, folder], 'It takes one folder'],
      [[folder, '--nothing'], '--nothing'],
      [[folder, '--json', '--dump'], '--json, --dump and --retry exclude each other'],
      [[folder, '--retry', 'a', 'b'], 'too many arguments'],
    ];
    for (const [args, text] of cases) {
      const { code, stdout, stderr } = await busbar(...args);
      expect([code, stdout], args.join(' ')).to.deep.equal([1, '']);
      expect(stderr).to.include(text);
    }
    expect((await busbar('--help')).stdout).to.include('usage: busbar journal [options] <folder> [id]');
  });

  it('dead letters - are listed, and handled again after --retry, which is refused while a process has the folder', async () => {
    const path = join(home, 'bus.sock');
    const client = new Client({ path, journal: journal(join(home, 'outbox')) });
    const heard: unknown[] = [];
    let isBroken = true;
    const serve = async (): Promise<Server> => {
      const server = new Server({ path, journal: journal(folder) });
      server.on('error', () => {});
      server.consume(
        (data) => {
          heard.push(data);
          if (isBroken) throw new Error('no stock\u001b[2J');
        },
        { maxAttempts: 1 },
      );
      return server.start();
    };
    let server = await serve();
    try {
      await client.connect();
      for (const order of ['a', 'b', 'c']) await client.send(order, { durable: true });
      await until(async () => (await server.deadLetters.list()).length === 3);
      const { waiting, deadLetters } = JSON.parse((await busbar(folder, '--json')).stdout);
      expect(waiting).to.equal(0);
      expect(deadLetters.map(({ error, attempts }: never) => [error, attempts])[0]).to.deep.equal([
        { code: 'ERR_LISTENER', message: 'no stock\u001b[2J' },
        1,
      ]);
      const [first] = deadLetters as { readonly id: string }[];
      const refused = await busbar(folder, '--retry');
      expect([refused.code, refused.stdout]).to.deep.equal([4, '']);
      expect(refused.stderr).to.include(`is held by process ${process.pid}`);
      expect((await busbar(folder)).stdout).to.include(
        `  ${first?.id}: ERR_LISTENER, 1 attempts: no stock\\u001b[2J\n`,
      );
      await server.close();
      isBroken = false;
      for (const id of ['none', `-${'a'.repeat(21)}.1`]) {
        const none = await busbar(folder, '--retry', id);
        expect([none.code, none.stderr]).to.deep.equal([1, `busbar journal: There is no dead letter ${id}\n`]);
      }
      const one = await program(folder, '--retry', first?.id ?? '');
      expect([one.code, one.stdout]).to.deep.equal([0, '1 dead letters are handled again by the next process.\n']);
      expect(JSON.parse((await busbar(folder, '--json')).stdout)).to.deep.include({ waiting: 1 });
      heard.length = 0;
      server = await serve();
      await until(() => heard.length === 1);
      await server.close();
      expect((await busbar(folder, '--retry')).stdout).to.include('2 dead letters');
      server = await serve();
      await until(() => heard.length === 3);
      expect(heard).to.deep.equal(['a', 'b', 'c']);
      expect((await busbar(folder, '--json')).stdout).to.include('"deadLetters":[]');
    } finally {
      await client.close();
      await server.close();
    }
  });

  it('hostile names and data - write nothing to the terminal but letters', async () => {
    const evil = '\u001b]0;x\u0007\u009b31m\u202e\r\u{e0041}';
    folder = join(home, `state${evil}`);
    await outboxWith({ [evil]: evil });
    const host = `host${evil}`;
    writeFileSync(join(folder, 'lock'), JSON.stringify({ host, pid: 1, token: '' }));
    const outcomes = [
      await busbar(folder),
      await busbar(folder, '--dump'),
      await busbar(`${folder}/none`),
      await busbar(folder, `--${evil}`),
    ];
    const text = outcomes.map(({ stdout, stderr }) => stdout + stderr).join('');
    expect(text).to.not.match(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect(outcomes[0]?.stdout).to.include('It is in use by process 1 of host\\u001b]0;x');
    const dumped = (outcomes[1]?.stdout ?? '')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(dumped.find(({ kind }) => kind === 'message').data).to.deep.equal({ [evil]: evil });
  });
});
