import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type Client, MessageCodec, Server } from '../../../lib/index.ts';
import { journal, type LogOptions } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';
import { RawSender } from './raw-sender.ts';

describe('journal, limits of a receiver', () => {
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

  async function server(options: LogOptions): Promise<Server> {
    const up = new Server({ path, journal: journal(join(home, 'inbox'), options) });
    open.push(up);
    return up.start();
  }

  async function connect(): Promise<RawSender> {
    const sender = await RawSender.connect(path);
    open.push(sender.client);
    return sender;
  }

  it('shares - a sender whose messages wait leaves room for others, over a restart too, and goes on when they were handled', async () => {
    const options = { maxBytes: 262_144 };
    let up = await server(options);
    const hog = await connect();
    const body = codec.encode('x'.repeat(8_000));
    for (let count = 0; count < 60; count++) await hog.send([body]);
    // Four fifths of the folder, to within a segment.
    await until(() => hog.acknowledged.length >= 20);
    const other = await connect();
    await other.send([codec.encode('small')]);
    await until(() => other.acknowledged.length === 1);
    const taken = hog.acknowledged.length;
    expect(taken).to.be.within(20, 30);
    await up.close();

    up = await server(options);
    await hog.client.connect();
    await hog.open([[hog.journal, 60]]);
    const third = await connect();
    await hog.send([body]);
    await third.send([codec.encode('also small')]);
    await until(() => third.acknowledged.length === 1);
    expect(hog.acknowledged.length).to.equal(taken);
    const heard: unknown[] = [];
    up.on('message', (data) => void heard.push(String(data).length));
    await until(() => hog.acknowledged.length === taken + 1);
    await until(() => heard.length === taken + 3);
  });
});
