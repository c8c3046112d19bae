import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { next, rejected, until } from '../support/buses.ts';

const program = fileURLToPath(new URL('./child-program.js', import.meta.url));

/** Whether the process is there, and not only its entry for who started it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('server.spawn', () => {
  let server: Server;
  let folder: string;
  let children: ChildProcess[];

  beforeEach(() => {
    server = new Server({ closeTimeoutMs: 2_000 });
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    children = [];
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await server.close();
    await Promise.all(children.map(async (child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    rmSync(folder, { recursive: true, force: true });
  });

  async function spawn(
    mode: string,
    argument = '',
    settings: Parameters<Server['spawn']>[2] = {},
  ): Promise<{ readonly child: ChildProcess; readonly connection: Connection }> {
    const spawned = await server.spawn(program, [mode, argument], settings);
    children.push(spawned.child);
    return spawned;
  }

  it('resolves the process and the connection of its client, without start(), after `connect` was told', async () => {
    const joined: unknown[] = [];
    server.on('connect', (connection, payload) => joined.push(connection, payload));
    const said = new Promise((resolve) => server.once('message', resolve));
    const settings = { cwd: folder, env: { ...process.env, SAID: 'yes' }, execArgv: ['--no-deprecation'] };
    const { child, connection } = await spawn('answers', 'x', settings);
    expect(joined).to.deep.equal([connection, { mode: 'answers', argument: 'x', cwd: folder }]);
    expect([connection.linkKind, connection.remoteAddress]).to.deep.equal(['child', String(child.pid)]);
    expect(server.connections).to.deep.equal([connection]);
    expect(await connection.request('who?')).to.deep.equal(['who?', child.pid, 'yes', ['--no-deprecation']]);
    // One link, one client; and nothing for those whom the child starts.
    expect(await said).to.deep.equal({
      second: 'BusError: Cannot connect to parent: the only link to the parent is in use',
      variable: undefined,
    });
    expect(server.address).to.equal(undefined);
  });

  it('runs a file: URL, and anything else than a script as a command', async () => {
    const url = await server.spawn(new URL('./child-program.js', import.meta.url), ['plain']);
    const command = await server.spawn(process.execPath, [program, 'plain']);
    const shell = await server.spawn('sh', ['-c', `"$0" "$1" plain; exit 7`, process.execPath, program]);
    for (const { child, connection } of [url, command, shell]) {
      const exit = once(child, 'exit');
      await connection.close();
      expect((await exit)[0]).to.equal(child === shell.child ? 7 : 0);
    }
  });

  it('close() of a server that was never started ends the sessions of its children', async () => {
    const { child, connection } = await spawn('plain');
    const reason = next(server, 'disconnect');
    const exit = once(child, 'exit');
    await server.close();
    expect(await reason).to.deep.equal([connection, 'Server was shut down']);
    expect(await exit).to.deep.equal([0, null]);
    expect(server.connections).to.deep.equal([]);
  });

  it('a child that is killed - its session is over at once, however long sessions wait for others', async () => {
    const { child, connection } = await spawn('answers');
    const reason = next(server, 'disconnect');
    const pending = rejected(connection.request('wait', 60_000));
    await connection.request('taken');
    const killedAt = performance.now();
    child.kill('SIGKILL');
    expect((await reason)[1]).to.equal('process died');
    expect(performance.now() - killedAt).to.be.below(5_000);
    expect(await pending).to.have.property('code', 'ERR_SESSION_LOST');
  }).timeout(20_000);

  it('a child that died - what was heard of it has no gap, also where the listener is slow', async () => {
    const got: unknown[] = [];
    server.on('message', (message) => {
      got.push(message);
      for (const until = performance.now() + 0.1; performance.now() < until; );
    });
    const errors: unknown[] = [];
    server.on('error', (error) => errors.push(error));
    const over = next(server, 'disconnect');
    await spawn('burst', '3000');
    await over;
    expect(errors).to.deep.equal([]);
    expect(got.length).to.be.above(0);
    expect(got).to.deep.equal(got.map((_, number) => number));
  });

  it('a child that dies while another process holds its descriptor - is over all the same', async () => {
    const said = next(server, 'message');
    const { child, connection } = await spawn('forks');
    const [holder] = (await said) as [number];
    try {
      const reason = next(server, 'disconnect');
      child.kill('SIGKILL');
      expect(await reason).to.deep.equal([connection, 'process died']);
      expect(isAlive(holder)).to.equal(true);
    } finally {
      process.kill(holder, 'SIGKILL');
    }
  });

  it('a child that closes its end and lives on - has no session any more', async () => {
    const over = next(server, 'disconnect');
    const { child } = await spawn('hangsUp');
    await over;
    expect(isAlive(child.pid ?? 0)).to.equal(true);
  });

  it('a parent that is killed - its children end, but for an orphan', async () => {
    const supervisor = fork(program, ['supervisor'], { execArgv: [] });
    children.push(supervisor);
    const [[child, orphan]] = (await once(supervisor, 'message')) as [[number, number]];
    try {
      supervisor.kill('SIGKILL');
      await once(supervisor, 'exit');
      const killedAt = performance.now();
      await until(() => !isAlive(child), 'the child to end');
      expect(performance.now() - killedAt).to.be.below(5_000);
      expect(isAlive(orphan)).to.equal(true);
    } finally {
      for (const pid of [child, orphan]) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  }).timeout(20_000);

  it('a child whose parent is lost - is told before it ends, with exit code 1', async () => {
    const file = join(folder, 'told');
    const { child, connection } = await spawn('lost', file);
    const exit = once(child, 'exit');
    // As a parent that dies: without a word.
    connection.connection?.destroy();
    expect(await exit).to.deep.equal([1, null]);
    expect(readFileSync(file, 'utf8')).to.equal('told');
  });

  const failures: readonly [what: string, file: string, args: readonly string[], message: RegExp][] = [
    [
      'a script that is not there',
      '/nowhere/none.js',
      [],
      /^Cannot start \/nowhere\/none\.js: the file does not exist$/,
    ],
    ['a command that is not there', 'no-such-command', [], /^no-such-command could not be started: .*ENOENT/],
    ['one that ends', process.execPath, ['-e', 'process.exit(3)'], /ended with exit code 3 before its client had/],
    ['one that never connects', program, ['silent'], /did not connect: .* within 700 ms$/],
    ['one that closes its descriptor', program, ['closed'], /did not connect: Its link closed or was refused$/],
    ['one that writes garbage', program, ['garbage'], /did not connect: /],
  ];
  for (const [what, file, args, message] of failures) {
    it(`${what} - rejects ERR_SPAWN, and nothing is left`, async () => {
      const errors: unknown[] = [];
      server.on('error', (error) => errors.push(error));
      const readyTimeoutMs = args[0] === 'silent' ? 700 : 30_000;
      const error = await rejected(server.spawn(file, args, { readyTimeoutMs }));
      expect(error.code).to.equal('ERR_SPAWN');
      expect(error.message).to.match(message);
      expect(errors).to.deep.equal([]);
      expect(server.connections).to.deep.equal([]);
    });
  }

  it('one that is refused - rejects ERR_SPAWN', async () => {
    server = new Server({ authorize: (payload, { linkKind }) => linkKind !== 'child' && payload !== undefined });
    const error = await rejected(server.spawn(program, ['refused']));
    expect(error.code).to.equal('ERR_SPAWN');
  });

  it('one that takes no SIGTERM - is ended all the same', async () => {
    const file = join(folder, 'pid');
    const failed = rejected(server.spawn(program, ['stubborn', file], { readyTimeoutMs: 60_000 }));
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
    await server.close();
    expect((await failed).code).to.equal('ERR_SPAWN');
    await until(() => !isAlive(Number(readFileSync(file, 'utf8'))), 'the stubborn child to end');
  });

  it('what it does not take - is refused', async () => {
    const taken = { stdio: ['ignore', 'ignore', 'ignore', 'ignore'] } as const;
    expect((await rejected(server.spawn(program, [], taken as never))).code).to.equal('ERR_INVALID_OPTION');
    for (const wrong of [[''], [7], [program, 'x'], [program, [1]], [program, [], 5], [program, [], null]]) {
      const error = await rejected(Reflect.apply(server.spawn, server, wrong) as Promise<unknown>);
      expect(error.code, JSON.stringify(wrong)).to.equal('ERR_INVALID_ARGUMENT');
    }
    for (const readyTimeoutMs of [0, -1, 1.5, Number.NaN, '5' as never]) {
      expect((await rejected(server.spawn(program, [], { readyTimeoutMs }))).code).to.equal('ERR_INVALID_ARGUMENT');
    }
  });
});

describe('the url parent:', () => {
  it('is refused at once where there is no parent, whatever the environment says', async () => {
    const without = 'this process was not started by server.spawn(), or its descriptor 3 is gone';
    const client = new Client({ url: 'parent:', retries: 5 });
    const error = await rejected(client.connect());
    expect([error.code, error.message]).to.deep.equal(['ERR_CONNECT', `Cannot connect to parent: ${without}`]);
    // Its descriptor 3 is the channel of Node.
    const child = fork(program, ['stranger'], { execArgv: [], env: { ...process.env, BUSBAR_PARENT: '3' } });
    expect((await once(child, 'message'))[0]).to.equal(`BusError: Cannot connect to parent: ${without}`);
    await once(child, 'exit');
  });

  it('is no place to listen at, and takes nothing behind it', () => {
    expect(() => new Server({ url: 'parent:' })).to.throw('a server cannot listen on parent:');
    expect(() => new Client({ url: 'parent:x' })).to.throw();
    expect(() => new Client({ url: 'parent:', tls: true })).to.throw('Option tls does not fit a parent address');
    expect(() => new Client({ orphan: 'yes' as never })).to.throw('Option orphan must be a boolean');
  });
});
