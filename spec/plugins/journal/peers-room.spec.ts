import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { next, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

const maxBytes = 65_536;
const durable = true;

describe('journal, what a server keeps for clients', () => {
  const at = ownPlace();
  const peers = (): string => join(at.home, 'server', 'peers');

  async function server(): Promise<Server> {
    const made = new Server({ path: at.path, journal: journal(join(at.home, 'server'), { maxBytes }) });
    at.open.push(made);
    return made.start();
  }

  async function connected(
    up: Server,
    name: string,
  ): Promise<{ readonly end: Client; readonly connection: Connection }> {
    const end = new Client({ path: at.path, journal: journal(join(at.home, name), { maxBytes }) });
    at.open.push(end);
    const [[connection]] = await Promise.all([next(up, 'connect'), end.connect()]);
    return { end, connection: connection as Connection };
  }

  /** The bytes of all files there, each but for what every client may have. */
  function bytesOver(most: number): number {
    let bytes = 0;
    for (const id of readdirSync(peers())) {
      let own = -most;
      for (const name of readdirSync(join(peers(), id))) own += statSync(join(peers(), id, name)).size;
      bytes += Math.max(0, own);
    }
    return bytes;
  }

  it('one that takes nothing - does not stop what is sent to others, and has most of the room while it is alone', async () => {
    const up = await server();
    const slow = await connected(up, 'slow');
    slow.end.pause();
    let accepted = 0;
    for (;;) {
      const isIn = await slow.connection.send('x'.repeat(1_000), { durable, timeout: 500 }).then(
        () => true,
        () => false,
      );
      if (!isIn) break;
      accepted += 1;
    }
    // What it took into its own folder, and what waits here.
    expect(accepted).to.be.within(80, 130);
    const quick = await connected(up, 'quick');
    const heard: unknown[] = [];
    quick.end.on('message', (data) => heard.push(data));
    const large = 'y'.repeat(4_000);
    for (let number = 0; number < 100; number++) await quick.connection.send(large, { durable, timeout: 10_000 });
    await until(() => heard.length === 100);
    slow.end.on('message', () => {});
    slow.end.resume();
    await until(async () => (await up.backlog()).length === 0);
    await slow.connection.send('last', { durable, confirm: true });
  });

  it('those for whom nothing waits - keep nothing when they leave, and make room for others before', async () => {
    const up = await server();
    const ends: Client[] = [];
    for (let number = 0; number < 10; number++) {
      const { end, connection } = await connected(up, `client-${number}`);
      end.on('message', () => {});
      ends.push(end);
      await connection.send('x'.repeat(20_000), { durable, confirm: true });
      expect(bytesOver(4_096)).to.be.below(maxBytes + 20_000);
    }
    expect(readdirSync(peers())).to.have.length(10);
    await Promise.all(ends.map((end) => end.close()));
    await until(() => bytesOver(200) === 0);
    await up.close();
    const again = await server();
    expect(await again.backlog()).to.deep.equal([]);
    const { end, connection } = await connected(again, 'client-0');
    const [heard] = await Promise.all([next(end, 'message'), connection.send('later', { durable, confirm: true })]);
    expect(heard[0]).to.equal('later');
  });
});
