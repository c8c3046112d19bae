import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, MessageCodec, Server } from '../../../lib/index.ts';
import { journal, type LogOptions } from '../../../lib/plugins/journal/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { RawSender } from './raw-sender.ts';

describe('journal, what a receiver takes', () => {
  const codec = new MessageCodec();
  let home: string;
  let path: string;
  let open: (Client | Server)[];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    path = join(home, 'bus.sock');
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map((end) => end.close()));
    rmSync(home, { recursive: true, force: true });
  });

  async function server(options: LogOptions = {}): Promise<Server> {
    const up = new Server({ path, journal: journal(join(home, 'inbox'), options) });
    open.push(up);
    return up.start();
  }

  function client(): Client {
    const made = new Client({ path, journal: journal(join(home, 'outbox')) });
    open.push(made);
    return made;
  }

  async function connect(folder?: string): Promise<RawSender> {
    const sender = await RawSender.connect(path, folder);
    open.push(sender.client);
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
    expect(sender.acknowledged[1]).to.have.ordered.members([
      'closed',
      'What came for the journal does not follow what is here',
    ]);
    expect(errors).to.deep.equal(['ERR_PROTOCOL']);
    expect(await sender.open([[sender.journal, 3]])).to.deep.equal([[sender.journal, 1]]);
    await sender.send([codec.encode(4)], 0);
    await until(() => sender.acknowledged.length === 3);
    expect(sender.acknowledged[2]).to.deep.equal([sender.journal, 4]);
  });
});
