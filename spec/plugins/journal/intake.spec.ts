import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, Client, type Connection, MessageCodec, Server } from '../../../lib/index.ts';
import { resolveOptions } from '../../../lib/base/options.ts';
import { systemClock } from '../../../lib/base/system-clock.ts';
import { logTable } from '../../../lib/plugins/journal/log/log-options.ts';
import { OutboxLog } from '../../../lib/plugins/journal/sender/outbox-log.ts';
import { journal, type LogOptions } from '../../../lib/plugins/journal/index.ts';
import { FaultProxy, SeededRandom } from '../../../lib/testing/index.ts';
import { next, rejected, until } from '../../support/buses.ts';
import { RawSender } from './raw-sender.ts';
import { ownPlace } from './own-folder.ts';

describe('journal, what a receiver takes', () => {
  const codec = new MessageCodec();
  const random = new SeededRandom(1);
  const at = ownPlace();

  async function server(options: LogOptions = {}): Promise<Server> {
    const up = new Server({ path: at.path, journal: journal(join(at.home, 'inbox'), options) });
    at.open.push(up);
    return up.start();
  }

  function client(): Client {
    const made = new Client({ path: at.path, journal: journal(join(at.home, 'outbox')) });
    at.open.push(made);
    return made;
  }

  async function connect(folder?: string): Promise<RawSender> {
    const sender = await RawSender.connect(at.path, folder);
    at.open.push(sender.client);
    return sender;
  }

  it('size - what is larger than the folder of the receiver is a dead letter, and all that is around it is heard', async () => {
    const up = await server({ maxBytes: 65_536 });
    const heard: unknown[] = [];
    up.on('message', (data) => void heard.push(data));
    const sender = client();
    const letters: string[] = [];
    sender.on('deadLetter', ({ error }) => void letters.push(error.code));
    const before = Array.from({ length: 3_000 }, (_, index) => `${index} ${'x'.repeat(40)}`);
    for (const data of before) await sender.send(data, { durable: true });
    await sender.connect();
    const large = rejected(sender.send('x'.repeat(70_000), { durable: true, confirm: true }));
    await sender.send('behind', { durable: true, confirm: true });
    expect((await large).code).to.equal('ERR_TOO_LARGE');
    await until(() => heard.length >= before.length + 1);
    expect(heard).to.deep.equal([...before, 'behind']);
    expect(letters).to.deep.equal(['ERR_TOO_LARGE']);
  });

  it('openings - of a folder are taken however many wait in it', async () => {
    const up = await server();
    const heard: unknown[] = [];
    up.on('message', (data) => void heard.push(data));
    const folder = join(at.home, 'outbox');
    const options = resolveOptions('Log', logTable, {});
    const aside = join(at.home, 'aside');
    mkdirSync(aside);
    const segments = (where: string): string[] => readdirSync(where).filter((name) => name.endsWith('.log'));
    for (let life = 0; life < 300; life++) {
      const box = await OutboxLog.open(folder, options, systemClock);
      box.append(codec.encode(life));
      await box.close();
      // Each of them would read all that is there.
      for (const name of segments(folder).sort().slice(0, -1)) renameSync(join(folder, name), join(aside, name));
    }
    for (const name of segments(aside)) renameSync(join(aside, name), join(folder, name));
    const sender = client();
    const errors: string[] = [];
    const told = ({ code }: BusError): void => void errors.push(code);
    up.on('error', told);
    sender.on('error', told);
    await sender.connect();
    await sender.send('last', { durable: true, confirm: true });
    await until(() => heard.length === 301);
    expect(heard).to.deep.equal([...Array.from({ length: 300 }, (_, life) => life), 'last']);
    expect(errors).to.deep.equal([]);
  });

  it('gaps - what does not follow what is here is not taken, and the sender is told to open again', async () => {
    const up = await server();
    const errors: string[] = [];
    up.on('error', ({ code }) => void errors.push(code));
    const sender = await connect();
    await sender.send([codec.encode(1)]);
    await until(() => sender.acknowledged.length === 1);
    await sender.send([codec.encode(2)], 7);
    await sender.send([codec.encode(3)]);
    await until(() => sender.acknowledged.length === 2);
    expect(sender.acknowledged[1]).to.have.ordered.members(['closed', 'The journal got records out of order']);
    expect(errors).to.deep.equal(['ERR_PROTOCOL']);
    expect(await sender.open([[sender.journal, 3]])).to.deep.equal([[sender.journal, 1]]);
    await sender.send([codec.encode(4)], 0);
    await until(() => sender.acknowledged.length === 3);
    expect(sender.acknowledged[2]).to.deep.equal([sender.journal, 4]);
  });

  it('amount - a sender that has more on its way than may be is told to open again, and one message of any size may be', async () => {
    const up = await server();
    const errors: string[] = [];
    up.on('error', ({ code }) => void errors.push(code));
    const sender = await connect();
    await until(() => up.connections.length === 1);
    up.connections[0]?.pause();
    const body = codec.encode('x'.repeat(4_000_000));
    for (let count = 0; count < 5; count++) await sender.send([body]);
    // Answered once all of that was taken.
    await sender.ask([]);
    expect([sender.acknowledged, errors]).to.deep.equal([[], []]);
    await sender.send([body]);
    await until(() => sender.acknowledged.length === 1);
    expect(sender.acknowledged[0]).to.deep.equal(['closed', 'The journal got more than may be in flight']);
    expect(errors).to.deep.equal(['ERR_PROTOCOL']);
    up.connections[0]?.resume();
    expect(await sender.open([[sender.journal, 6]])).to.deep.equal([[sender.journal, 0]]);
  });

  it('sessions - one whose link was broken has its journal again, whoever took it meanwhile by its id', async () => {
    const up = await server();
    const heard: unknown[] = [];
    up.on('message', (data) => void heard.push(data));
    const proxy = await new FaultProxy({
      listen: { path: join(at.home, 'proxy') },
      target: { path: at.path },
      random,
    }).start();
    try {
      const owner = new Client({
        path: join(at.home, 'proxy'),
        maxRetryTime: 100,
        journal: journal(join(at.home, 'outbox')),
      });
      const errors: string[] = [];
      owner.on('error', ({ code }) => code !== 'ERR_CONNECT' && errors.push(code));
      at.open.push(owner);
      await owner.connect();
      await owner.send('a', { durable: true, confirm: true });
      const folder = up.connections[0]?.journal ?? '';
      const lost = next(up.connections[0] as Connection, 'link');
      proxy.refusing = true;
      proxy.reset();
      await lost;
      const stranger = await connect(folder);
      await stranger.send([codec.encode('stranger')]);
      await until(() => heard.length === 2);

      proxy.refusing = false;
      await until(() => up.connections.find(({ journal: id }) => id === folder)?.remoteAddress !== undefined);
      await owner.send('b', { durable: true, confirm: true });
      await until(() => heard.length === 3);
      expect(heard).to.deep.equal(['a', 'stranger', 'b']);
      expect(stranger.acknowledged.at(-1)).to.deep.equal(['closed', 'Another session had it']);
      expect((await rejected(stranger.open([]))).code).to.equal('ERR_JOURNAL_IN_USE');
      // That it was opened anew, and that another one has used its id.
      expect(errors).to.deep.equal(['ERR_JOURNAL', 'ERR_JOURNAL']);
    } finally {
      await proxy.close();
    }
  });

  it('sessions - one that has not opened its journal is told to', async () => {
    await server();
    const sender = await connect();
    await sender.leave();
    await sender.send([codec.encode(1)]);
    await until(() => sender.acknowledged.length === 1);
    expect(sender.acknowledged).to.deep.equal([['closed', 'It is not open']]);
  });
});
