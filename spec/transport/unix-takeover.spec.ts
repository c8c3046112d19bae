import { expect } from 'chai';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { dial, Host, rejection, socketFolder } from '../support/links.ts';
import { Child, pidBehind } from '../support/listening-child.ts';

describe('unix takeover', function () {
  let folder: ReturnType<typeof socketFolder>;
  let path: string;

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    folder = socketFolder();
    path = folder.path('s');
  });

  afterEach(() => folder.remove());

  it('a live path - goes to the new server; the old one is told once, keeps its links and closes by itself', async () => {
    const old = await Host.open({ kind: 'unix', path });
    const kept = await dial({ kind: 'unix', path });
    await old.until(({ accepted }) => accepted.length === 1);
    const next = await Host.open({ kind: 'unix', path }, { takeover: true });
    const fresh = await dial({ kind: 'unix', path });
    await old.until(({ replaced }) => replaced === 1);
    // Each looked whether the other is there.
    const before = old.accepted.length;
    expect(before).to.equal(2);
    expect(next.accepted.length).to.be.at.least(6);
    expect(old.listener.server!.listening).to.equal(true);
    await old.listener.close();
    expect(old.listener.server!.listening).to.equal(false);
    expect([statSync(path).mode & 0o777, readdirSync(folder.path(''))]).to.deep.equal([0o600, ['s']]);
    kept.link.write(Buffer.from('kept'));
    fresh.link.write(Buffer.from('fresh'));
    const heard = next.accepted.map((link) => link.received(5));
    await Promise.all([old.accepted[0]!.received(4), Promise.any(heard)]);
    expect(next.accepted.map(({ text }) => text).join('')).to.equal('fresh');
    kept.link.destroy();
    fresh.link.destroy();
    await Promise.all([old.close(), next.close(), kept.closed, fresh.closed]);
    expect([old.replaced, old.accepted.length, readdirSync(folder.path(''))]).to.deep.equal([1, before, []]);
  });

  it('a free or stale path - is taken as by any start', async () => {
    const host = await Host.open({ kind: 'unix', path }, { takeover: true });
    await host.close();
    const child = new Child('takeover', path);
    await child.says('listening');
    await child.kill();
    const after = await Host.open({ kind: 'unix', path }, { takeover: true });
    (await dial({ kind: 'unix', path })).link.destroy();
    await after.until(({ accepted }) => accepted.length === 1);
    await after.close();
    expect([host.replaced, after.replaced, after.errors, existsSync(path)]).to.deep.equal([0, 0, [], false]);
  });

  it('anything but a socket file - is refused by the name of the option', async () => {
    for (const address of [
      { kind: 'tcp', host: '127.0.0.1', port: 0 },
      { kind: 'memory', name: 'x', netLag: 0, netSpeed: 1 },
    ] as const) {
      const error = await rejection(Host.open(address, { takeover: true }));
      expect(error.code).to.equal('ERR_INVALID_OPTION');
      expect(error.message).to.include('Option takeover');
    }
  });

  it('clients that connect all the time - are all served through takeovers from process to process', async () => {
    const children = [new Child('listen', path)];
    await children[0]!.says('listening');
    const failures: unknown[] = [];
    const pids = new Set<number>();
    let connects = 0;
    let going = true;
    const callers = Array.from({ length: 4 }, async () => {
      while (going) {
        try {
          const pid = await pidBehind(path);
          if (!(pid > 0)) failures.push('no answer');
          pids.add(pid);
          connects += 1;
        } catch (error) {
          failures.push(error);
        }
      }
    });
    for (let i = 1; i <= 4; i++) {
      const next = new Child('takeover', path);
      children.push(next);
      await next.says('listening');
      await children[i - 1]!.says('closed');
    }
    going = false;
    await Promise.all(callers);
    const last = children.at(-1)!;
    last.process.send('close');
    await Promise.all(children.map(({ exited }) => exited));
    expect(failures).to.deep.equal([]);
    expect(connects).to.be.greaterThan(100);
    expect(pids.size).to.equal(5);
    expect(readdirSync(folder.path(''))).to.deep.equal([]);
  });
});
