import { expect } from 'chai';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  lutimesSync,
  renameSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { maxUnixPathBytes } from '../../lib/transport/address.ts';
import { dialer } from '../../lib/transport/dial.ts';
import { privatePlace } from '../../lib/transport/socket-file.ts';
import { dial, Host, rejection, socketFolder, Witness } from '../support/links.ts';
import { Child, pidBehind } from '../support/listening-child.ts';
import { stopwatch } from '../support/stopwatch.ts';

describe('unix listener', function () {
  let folder: ReturnType<typeof socketFolder>;
  let path: string;
  let hosts: Host[];
  let children: Child[];
  let clients: Witness[];

  const open = async (settings = {}, at = path): Promise<Host> => {
    const host = await Host.open({ kind: 'unix', path: at }, settings);
    hosts.push(host);
    return host;
  };
  const start = (mode: 'listen' | 'takeover' | 'hold' | 'small' = 'listen'): Child => {
    const child = new Child(mode, path);
    children.push(child);
    return child;
  };
  const client = async (): Promise<Witness> => {
    const witness = await dial({ kind: 'unix', path });
    clients.push(witness);
    return witness;
  };

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    folder = socketFolder();
    path = folder.path('s');
    hosts = [];
    children = [];
    clients = [];
  });

  afterEach(async () => {
    await Promise.all(children.map((child) => child.kill()));
    for (const { link } of clients) link.destroy();
    await Promise.all(clients.map(({ closed }) => closed));
    await Promise.all(hosts.map((host) => host.close()));
    folder.remove();
  });

  it("the socket file - is its owner's alone, is the only file, and goes with the listener", async () => {
    const host = await open();
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(readdirSync(folder.path(''))).to.deep.equal(['s']);
    expect(host.listener.address).to.equal(path);
    await host.close();
    expect(readdirSync(folder.path(''))).to.deep.equal([]);
  });

  it('readableAll and writableAll - open the file to others as in node:net', async () => {
    await open({ listenOptions: { writableAll: true } });
    expect(statSync(path).mode & 0o777).to.equal(0o622);
    await open({ listenOptions: { readableAll: true, writableAll: true } }, folder.path('t'));
    expect(statSync(folder.path('t')).mode & 0o777).to.equal(0o666);
  });

  it('the mode - is owner-only at every instant the public name exists', async () => {
    const modes = new Set<number>();
    let watching = true;
    const watch = (): void => {
      try {
        modes.add(statSync(path).mode & 0o777);
      } catch {
        // Not there at this moment.
      }
      if (watching) setImmediate(watch);
    };
    watch();
    for (let i = 0; i < 20; i++) await (await open()).close();
    watching = false;
    expect([...modes]).to.deep.equal([0o600]);
  });

  it('a live path - is refused within a second and stays as it is', async () => {
    const host = await open();
    const { ino } = statSync(path);
    const elapsedMs = stopwatch();
    const error = await rejection(open());
    expect(elapsedMs()).to.be.below(1_000);
    expect([error.code, error.cause?.code]).to.deep.equal(['ERR_ADDRESS_IN_USE', 'EADDRINUSE']);
    expect(statSync(path).ino).to.equal(ino);
    const probes = host.accepted.length;
    await client();
    await host.until(({ accepted }) => accepted.length === probes + 1);
  });

  it('a file, a folder or a symbolic link at the path - is refused and stays untouched', async () => {
    writeFileSync(path, 'precious');
    mkdirSync(folder.path('d'));
    symlinkSync('s', folder.path('l'));
    for (const name of ['s', 'd', 'l']) {
      for (const takeover of [false, true]) {
        const error = await rejection(open({ takeover }, folder.path(name)));
        expect([error.code, error.cause?.code]).to.deep.equal(['ERR_ADDRESS_IN_USE', 'EADDRINUSE']);
      }
    }
    expect(readFileSync(path, 'utf8')).to.equal('precious');
    expect(readdirSync(folder.path('')).toSorted()).to.deep.equal(['d', 'l', 's']);
  });

  it('a folder that is missing or closed - fails with the error of the system', async () => {
    const missing = await rejection(open({}, folder.path('no/s')));
    expect([missing.code, missing.cause?.code]).to.deep.equal(['ERR_LISTEN', 'ENOENT']);
    if (process.getuid?.() === 0) return;
    mkdirSync(folder.path('locked'), 0o500);
    const closed = await rejection(open({}, folder.path('locked/s')));
    chmodSync(folder.path('locked'), 0o700);
    expect([closed.code, closed.cause?.code]).to.deep.equal(['ERR_LISTEN', 'EACCES']);
    expect(closed.message).to.equal(
      `Cannot listen on unix:${folder.path('locked/s')}: no file can be made in ${folder.path('locked')}: EACCES`,
    );
  });

  it('a folder where nothing can be made - is named in the error, and our lock is not', async function () {
    if (process.platform !== 'linux') this.skip();
    const error = await rejection(open({}, '/proc/s'));
    expect(error.code).to.equal('ERR_LISTEN');
    expect(error.message).to.match(/^Cannot listen on unix:\/proc\/s: no file can be made in \/proc: E[A-Z]+$/);
  });

  it('the longest paths - work, however short the name in the folder', async () => {
    for (const tail of ['/x', '/xy', '/xyz', '/a-rather-long-name']) {
      const dir = folder.path('d'.repeat(maxUnixPathBytes - folder.path('x').length + 1 - tail.length));
      mkdirSync(dir);
      const long = `${dir}${tail}`;
      expect(Buffer.byteLength(long)).to.equal(maxUnixPathBytes);
      await open({}, long);
      expect(readdirSync(dir)).to.deep.equal([tail.slice(1)]);
      const witness = await dial({ kind: 'unix', path: long });
      clients.push(witness);
    }
  });

  it('a relative path - is relative to the working directory', async () => {
    const before = process.cwd();
    process.chdir(folder.path(''));
    try {
      const host = await open({}, 'relative');
      expect(existsSync(folder.path('relative'))).to.equal(true);
      await host.close();
      expect(existsSync(folder.path('relative'))).to.equal(false);
    } finally {
      process.chdir(before);
    }
  });

  it('a stale socket - is reclaimed each time its server was killed', async () => {
    for (let round = 0; round < 5; round++) {
      const child = start();
      expect(await child.spoke()).to.equal('listening');
      await child.kill();
      expect(existsSync(path)).to.equal(true);
    }
    await open();
    await client();
  });

  it('a hundred stale sockets - are reclaimed a hundred times', async () => {
    const child = start();
    await child.spoke();
    await child.kill();
    for (let i = 0; i < 100; i++) {
      // A listener leaves a file that is not at its path any more; moved back, nobody listens on it.
      const host = await open({}, path);
      renameSync(path, folder.path(`own${i}`));
      await host.listener.close();
      renameSync(folder.path(`own${i}`), path);
      expect(statSync(path).isSocket()).to.equal(true);
    }
    expect(readdirSync(folder.path(''))).to.deep.equal(['s']);
  });

  it('concurrent starts - give one winner each, the others are told, nobody hangs', async () => {
    for (let round = 0; round < 8; round++) {
      const group = Array.from({ length: 5 }, () => start());
      const words = await Promise.all(group.map((child) => child.spoke()));
      expect(words.toSorted()).to.deep.equal([...Array<string>(4).fill('ERR_ADDRESS_IN_USE'), 'listening']);
      const winner = group[words.indexOf('listening')]!;
      expect(await pidBehind(path)).to.equal(winner.process.pid);
      // Every other round the next five find a stale file.
      if (round % 2 === 0) await winner.kill();
      else winner.process.send('close');
      await Promise.all(group.map(({ exited }) => exited));
    }
  });

  it('the lock of a killed starter - is broken by the next', async () => {
    const holder = start('hold');
    await holder.says('holding');
    expect(readdirSync(folder.path(''))).to.deep.equal(['s.lock']);
    await holder.kill();
    const outcomes = await Promise.allSettled([open(), open(), open()]);
    expect(outcomes.map(({ status }) => status).toSorted()).to.deep.equal(['fulfilled', 'rejected', 'rejected']);
    expect(readdirSync(folder.path(''))).to.deep.equal(['s']);
  });

  it('the lock of a living starter - is waited for', async () => {
    const holder = start('hold');
    await holder.says('holding');
    let opened = false;
    const opening = open().then(() => (opened = true));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(opened).to.equal(false);
    await holder.kill();
    await opening;
  });

  it('a lock from another machine or a reused pid - counts until it is ten seconds old', async () => {
    symlinkSync('elsewhere:1:aaaaaaaaaaaa', `${path}.lock`);
    const old = Date.now() / 1_000 - 11;
    lutimesSync(`${path}.lock`, old, old);
    await open();
    expect(readdirSync(folder.path(''))).to.deep.equal(['s']);
  });

  it('what a killed starter left under its private name - goes with its lock', async () => {
    const left = createServer();
    const place = privatePlace(path, 'bbbbbbbbbbbb');
    mkdirSync(place.folder!);
    await new Promise<void>((resolve) => left.listen(place.socket, resolve));
    symlinkSync('elsewhere:1:bbbbbbbbbbbb', `${path}.lock`);
    const old = Date.now() / 1_000 - 11;
    lutimesSync(`${path}.lock`, old, old);
    await open();
    expect(readdirSync(folder.path(''))).to.deep.equal(['s']);
    await new Promise((resolve) => left.close(resolve));
  });

  it('a private name without a folder - never reads as a port', () => {
    expect(Number(privatePlace('s', '123456789012').socket)).to.be.NaN;
  });

  it('a file that is not its own any more - stays when a listener closes', async () => {
    const host = await open();
    unlinkSync(path);
    writeFileSync(path, 'another');
    await host.close();
    expect(readFileSync(path, 'utf8')).to.equal('another');
  });

  it('a queue that is full - is waited for, as tcp does, and left at once when the signal fires', async () => {
    const child = start('small');
    await child.says('listening');
    child.process.kill('SIGSTOP');
    const crowd: Socket[] = [];
    const knock = (): Promise<string> => {
      const socket = connect({ path });
      crowd.push(socket);
      return new Promise((resolve) => {
        socket.once('connect', () => resolve('in'));
        socket.on('error', (error: Error & { code?: string }) => resolve(String(error.code)));
      });
    };
    while ((await knock()) === 'in');
    const controller = new AbortController();
    const aborted = dialer({ kind: 'unix', path })(controller.signal);
    const patient = dialer({ kind: 'unix', path })(new AbortController().signal);
    expect(await knock()).to.equal('EAGAIN');
    controller.abort(new Error('waited enough'));
    expect((await rejection(aborted)).message).to.equal('waited enough');
    child.process.kill('SIGCONT');
    clients.push(new Witness(await patient));
    for (const socket of crowd) socket.destroy();
  });

  it('a socket file that somebody removed - is one error, and no takeover', async () => {
    const host = await open();
    unlinkSync(path);
    await host.until(({ errors }) => errors.length > 0);
    expect(host.errors[0]).to.have.property('code', 'ERR_LISTEN');
    expect(host.errors[0]!.message).to.include('was removed');
    expect(host.replaced).to.equal(0);
    await host.close();
  });
});
