import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { journal, type JournalSettings } from '../../../lib/plugins/journal/index.ts';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { Disk } from './disk.ts';
import { hear } from './own-folder.ts';

interface Fault {
  readonly name: string;
  readonly call: string;
  readonly code: string;
  readonly survive?: 'power';
}

const faults: readonly Fault[] = [
  { name: 'no space', call: 'write', code: 'ENOSPC' },
  { name: 'an I/O error', call: 'write', code: 'EIO' },
  { name: 'a failed fdatasync', call: 'sync', code: 'EIO', survive: 'power' },
];

describe('journal, faults of the disk', () => {
  let home: string;
  let path: string;
  let open: (Client | Server)[];
  let errors: string[];
  /** Of either end. */
  let disks: { readonly client: Disk; readonly server: Disk };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    path = join(home, 'bus.sock');
    open = [];
    errors = [];
    disks = { client: new Disk(new SeededRandom(1)), server: new Disk(new SeededRandom(2)) };
  });
  afterEach(async () => {
    for (const disk of Object.values(disks)) disk.held.clear();
    await Promise.all(open.map((end) => end.close()));
    rmSync(home, { recursive: true, force: true });
  });

  const folder = (name: string): string => join(home, name);

  function server(options: JournalSettings = {}, native = true): Server {
    const made = new Server({ path, native, journal: native ? journal(folder('server'), options) : undefined });
    made.on('error', ({ code }) => errors.push(code));
    open.push(made);
    return made;
  }

  function client(options: JournalSettings = {}): Client {
    const made = new Client({ path, maxRetryTime: 100, journal: journal(folder('client'), options) });
    made.on('error', ({ code }) => code !== 'ERR_CONNECT' && errors.push(code));
    open.push(made);
    return made;
  }

  for (const { name, call, code, survive } of faults) {
    it(`${name} - at the sender: nothing is acknowledged any more, plain sends go on, and what was acknowledged is there after a restart`, async () => {
      const up = await server().start();
      const heard = hear(up);
      const options = { files: disks.client, survive };
      let sender = client(options);
      await sender.send(1, { durable: true });
      await sender.connect();
      await sender.send(2, { durable: true, confirm: true });
      await until(() => heard.length === 2);
      disks.client.failing.set(call, code);
      const failure = await rejected(sender.send(3, { durable: true }));
      expect([failure.code, (failure.cause as { code?: string }).code]).to.deep.equal(['ERR_JOURNAL', code]);
      disks.client.failing.clear();
      expect((await rejected(sender.send(4, { durable: true }))).code).to.equal('ERR_JOURNAL');
      expect((await rejected(sender.send(5, { durable: true, timeout: 60_000 }))).code).to.equal('ERR_JOURNAL');
      await sender.send('plain', { confirm: true });
      await sender.close();
      sender = await client(options).connect();
      await sender.send(6, { durable: true, confirm: true });
      await until(() => heard.includes(6));
      // What was not acknowledged may be there or not.
      expect(heard.filter((data) => data !== 3)).to.deep.equal([1, 2, 'plain', 6]);
    });

    it(`${name} - at the receiver: nothing is acknowledged any more, and its sender keeps what it has`, async () => {
      const options = { files: disks.server, survive };
      let up = await server(options).start();
      const before = hear(up);
      const sender = await client().connect();
      await sender.send(1, { durable: true, confirm: true });
      disks.server.failing.set(call, code);
      await sender.send(2, { durable: true });
      const confirmed = sender.send(3, { durable: true, confirm: true });
      await until(() => errors.includes('ERR_JOURNAL'));
      disks.server.failing.clear();
      expect((await sender.backlog()).messages).to.equal(2);
      await up.close(true);
      expect(before).to.deep.equal([1]);
      up = server(options);
      const after = hear(up);
      await up.start();
      await confirmed;
      await until(() => after.includes(3));
      expect(after.filter((data) => data !== 1)).to.deep.equal([2, 3]);
    });

    it(`${name} - at a server that sends: nothing is acknowledged any more, until a restart`, async () => {
      const options = { files: disks.server, survive };
      let up = await server(options).start();
      const end = client();
      const heard = hear(end);
      await end.connect();
      const [connection] = up.connections;
      await connection?.send(1, { durable: true, confirm: true });
      await until(() => heard.length === 1);
      disks.server.failing.set(call, code);
      expect((await rejected(connection?.send(2, { durable: true }) ?? Promise.resolve())).code).to.equal(
        'ERR_JOURNAL',
      );
      disks.server.failing.clear();
      expect((await rejected(connection?.send(3, { durable: true }) ?? Promise.resolve())).code).to.equal(
        'ERR_JOURNAL',
      );
      await connection?.send('plain', { confirm: true });
      await up.close(true);
      up = server(options);
      up.on('connect', (next) => next.send(4, { durable: true }));
      await up.start();
      await until(() => heard.includes(4));
      expect(heard.filter((data) => data !== 2)).to.deep.equal([1, 'plain', 4]);
    });
  }

  it('a receiver that fails - holds back what was sent durably, and no plain messages behind it', async () => {
    const up = await server({ files: disks.server }).start();
    const heard = hear(up);
    const sender = await client().connect();
    await sender.send(1, { durable: true, confirm: true });
    disks.server.failing.set('write', 'EIO');
    await sender.send(2, { durable: true });
    await sender.send('behind', { confirm: true });
    sender.connection?.destroy();
    await sender.send(3, { durable: true });
    await sender.send('also behind', { confirm: true });
    expect(heard).to.deep.equal([1, 'behind', 'also behind']);
    expect((await sender.backlog()).messages).to.equal(2);
    disks.server.failing.clear();
    await up.close(true);
    const next = server({ files: disks.server });
    const after = hear(next);
    await next.start();
    await sender.send('last', { confirm: true });
    await until(() => after.length === 3);
    expect(after).to.deep.equal([2, 3, 'last']);
  });

  it('a disk that cannot be read back - has the receiver take nothing more, and its sender keep what it has', async () => {
    // Too large to be in memory still when it is read.
    const large = 'x'.repeat(20_000);
    const options = { files: disks.server, maxBytes: 1_048_576 };
    let up = await server(options).start();
    const before = hear(up);
    const sender = await client().connect();
    await sender.send(1, { durable: true, confirm: true });
    await until(() => before.length === 1);
    disks.server.failing.set('read', 'EIO');
    await sender.send(large, { durable: true, confirm: true });
    await until(() => errors.includes('ERR_JOURNAL'));
    disks.server.failing.clear();
    const confirmed = sender.send(3, { durable: true, confirm: true });
    await until(() => errors.filter((code) => code === 'ERR_JOURNAL').length >= 3);
    expect((await sender.backlog()).messages).to.equal(1);
    expect(before).to.deep.equal([1]);
    await up.close(true);
    up = server(options);
    const after = hear(up);
    await up.start();
    await confirmed;
    await until(() => after.length === 2);
    expect(after).to.deep.equal([large, 3]);
  });

  it('a folder that is not to be written - rejects connect(), start(), durable sends and backlog() with ERR_JOURNAL, and is opened once it is', async () => {
    for (const disk of Object.values(disks)) disk.failing.set('claim', 'EROFS');
    const up = server({ files: disks.server });
    const sender = client({ files: disks.client });
    for (const call of [
      () => up.start(),
      () => up.backlog(),
      () => sender.connect(),
      () => sender.backlog(),
      () => sender.send(1, { durable: true }),
    ]) {
      expect((await rejected(call())).code).to.equal('ERR_JOURNAL');
    }
    for (const disk of Object.values(disks)) disk.failing.clear();
    await up.start();
    await sender.connect();
    await sender.send(1, { durable: true, confirm: true });
  });

  it('a folder that vanishes - of the sender has durable sends rejected, of the receiver has them kept there', async () => {
    const up = await server().start();
    const sender = await client().connect();
    await sender.send(1, { durable: true, confirm: true });
    rmSync(folder('server'), { recursive: true });
    await sender.send(2, { durable: true });
    await until(() => errors.includes('ERR_JOURNAL'));
    expect((await sender.backlog()).messages).to.equal(1);
    rmSync(folder('client'), { recursive: true });
    expect((await rejected(sender.send(3, { durable: true }))).code).to.equal('ERR_JOURNAL');
    await sender.send('plain');
    await up.close();
  });

  it('net-ipc peers - confirm nothing, also where they took the message before it was known to be written', async () => {
    const up = await server({}, false).start();
    const heard = hear(up);
    const sender = client({ files: disks.client });
    await sender.backlog();
    let release!: () => void;
    disks.client.held.set('write', new Promise((resolve) => (release = resolve)));
    const confirmed = rejected(sender.send('a', { durable: true, confirm: true }));
    await sender.connect();
    expect(heard).to.deep.equal([]);
    disks.client.held.clear();
    release();
    expect((await confirmed).code).to.equal('ERR_PEER_LACKS_FEATURE');
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal(['a']);
  });
});
