import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';
import { rejected, until } from '../support/buses.ts';
import { command } from '../support/command.ts';

const program = fileURLToPath(new URL('./estate-program.js', import.meta.url));
const isRoot = process.getuid?.() === 0;

describe('what a server leaves to its successor', function () {
  let folder: string;
  let path: string;
  let children: ChildProcess[];
  let ends: { close(): Promise<unknown> }[];

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    folder = mkdtempSync('/var/tmp/bb-');
    path = join(folder, 's');
    children = [];
    ends = [];
  });

  afterEach(async () => {
    for (const end of ends) await end.close();
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(async (child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(how = '', open = '', uid?: number): Promise<{ child: ChildProcess; said: unknown }> {
    const child = fork(program, [path, how, open], { ...(uid !== undefined && { uid, gid: uid, execArgv: [] }) });
    children.push(child);
    const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    return { child, said };
  }

  function keep<End extends { close(): Promise<unknown> }>(end: End): End {
    ends.push(end);
    return end;
  }

  it('state - goes from process to process, while a client asks all the time and misses nothing', async () => {
    const first = await start();
    expect(first.said).to.deep.equal({});
    const client = keep(await new Client({ path }).connect());
    const pids = new Set<number>();
    const counts: number[] = [];
    let going = true;
    const asking = (async () => {
      while (going) {
        const { pid, count } = (await client.request({}, { timeout: 0, idempotent: true })) as {
          pid: number;
          count: number;
        };
        pids.add(pid);
        counts.push(count);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    let before = first;
    for (let round = 0; round < 2; round++) {
      await until(() => counts.length > round * 20 + 10);
      const next = await start();
      const { count, pid } = (next.said as { inherited: { count: number; pid: number } }).inherited;
      expect(pid).to.equal(before.child.pid);
      expect(count).to.be.greaterThan(round * 20);
      if (before.child.exitCode === null) await once(before.child, 'exit');
      await until(() => pids.has(next.child.pid ?? 0));
      before = next;
    }
    going = false;
    await asking;
    expect(pids.size).to.equal(3);
    // What was asked between the handing over and the move is not in it; all else is.
    expect(Math.max(...counts)).to.be.greaterThan(20);
    expect(readdirSync(folder).sort()).to.deep.equal(['s', 's.state']);
    expect(statSync(`${path}.state`).mode & 0o777).to.equal(0o600);
  });

  for (const [how, code] of [
    ['an error', 'E_BUSY'],
    ['no answer', 'ERR_TIMEOUT'],
    ['too much', 'ERR_TOO_LARGE'],
  ] as const) {
    it(`a predecessor with ${how} - goes on, and the successor does not start`, async () => {
      const old = await start(how);
      const heir = keep(new Server({ path, handshakeTimeoutMs: 1_000 }));
      expect((await rejected(heir.start({ takeover: true }))).code).to.equal(code);
      expect([heir.address, heir.inherited]).to.deep.equal([undefined, undefined]);
      const client = keep(await new Client({ path }).connect());
      expect(await client.request({})).to.deep.include({ pid: old.child.pid });
    });
  }

  it('a predecessor that was killed, one that gives nothing, none at all - leave nothing, and the successor starts', async () => {
    const { child } = await start();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(`${path}.state`)).to.equal(true);
    const heir = keep(new Server({ path }).onTakeover(() => 'more'));
    await heir.start({ takeover: true });
    expect(heir.inherited).to.equal(undefined);
    const next = keep(await new Server({ path }).start({ takeover: true }));
    expect(next.inherited).to.equal('more');
    await heir.close();
    const last = keep(await new Server({ path }).start({ takeover: true }));
    expect(last.inherited).to.equal(undefined);
    await next.close();
    await last.close();
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('other users - get nothing at a path that they may connect to, and can leave nothing to who is not theirs', async function () {
    if (!isRoot) this.skip();
    chmodSync(folder, 0o1777);
    await start('', 'open');
    const reached = await command('setpriv', [
      '--reuid=65534',
      '--clear-groups',
      process.execPath,
      '-e',
      `
      const { connect } = require('node:net');
      for (const path of ${JSON.stringify([path, `${path}.state`])})
        connect(path).on('connect', () => console.log('open')).on('error', ({ code }) => console.log(code));
      setTimeout(() => process.exit(), 300);`,
    ]);
    expect(reached.stdout.trim().split('\n').sort()).to.deep.equal(['EACCES', 'open']);
    path = join(folder, 't');
    const strange = await start('', 'open', 65_534);
    expect(strange.said).to.deep.equal({});
    expect(statSync(`${path}.state`).uid).to.equal(65_534);
    const heir = keep(await new Server({ path }).start({ takeover: true }));
    expect(heir.inherited).to.equal(undefined);
  });

  it('a folder in which others can exchange files - leaves nothing either', async () => {
    await start();
    chmodSync(folder, 0o777);
    const heir = keep(await new Server({ path }).start({ takeover: true }));
    expect(heir.inherited).to.equal(undefined);
  });

  it('wrong calls - are refused by name', () => {
    const codeOf = (task: () => unknown): string => {
      try {
        task();
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'none';
    };
    expect(codeOf(() => new Server({ port: 0 }).onTakeover(() => 1))).to.equal('ERR_STATE');
    expect(codeOf(() => new Server({ url: 'memory:x' }).onTakeover(() => 1))).to.equal('ERR_STATE');
    expect(codeOf(() => new Server({ path }).onTakeover(7 as never))).to.equal('ERR_INVALID_ARGUMENT');
    expect(codeOf(() => new Server({ path: `/${'x'.repeat(101)}` }).onTakeover(() => 1))).to.equal('ERR_TOO_LARGE');
  });

  it('close() while the predecessor is asked - has start() reject, and leaves nothing', async () => {
    await start('no answer');
    const heir = new Server({ path, handshakeTimeoutMs: 2_000 });
    const starting = rejected(heir.start({ takeover: true }));
    await until(() => true);
    await heir.close();
    expect((await starting).code).to.be.oneOf(['ERR_CLOSED', 'ERR_TIMEOUT']);
    expect(heir.address).to.equal(undefined);
  });
});
