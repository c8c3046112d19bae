import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, type Connection, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { next, rejected } from '../../support/buses.ts';
import { hear } from './own-folder.ts';

describe('journal, plain messages among durable ones', () => {
  let home: string;
  let path: string;
  let server: Server;
  let client: Client;
  let connection: Connection;
  let errors: string[];

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    path = join(home, 'bus.sock');
    errors = [];
    server = new Server({ path, journal: journal(join(home, 'server')) });
    client = new Client({ path, reconnect: false, journal: journal(join(home, 'client')) });
    server.on('error', ({ code }) => errors.push(code));
    client.on('error', ({ code }) => code !== 'ERR_CONNECT' && errors.push(code));
    await server.start();
    const [[connected]] = await Promise.all([next(server, 'connect'), client.connect()]);
    connection = connected as Connection;
  });
  afterEach(async () => {
    await Promise.all([client.close(), server.close()]);
    rmSync(home, { recursive: true, force: true });
  });

  it('close() - of a client has the server hear plain messages that are behind durable ones', async () => {
    const heard = hear(server);
    server.pause();
    await client.send('durable', { durable: true, confirm: true });
    const plain = client.send('plain');
    const closed = client.close();
    server.resume();
    expect(await closed).to.equal(true);
    await plain;
    expect(heard).to.deep.equal(['durable', 'plain']);
    expect(errors).to.deep.equal([]);
  });

  for (const { name, close } of [
    { name: 'close()', close: () => server.close() },
    { name: 'close(true)', close: () => server.close(true) },
    { name: 'connection.close()', close: () => connection.close() },
  ]) {
    it(`${name} - of a server has a client hear plain messages that are behind durable ones`, async () => {
      const heard = hear(client);
      await connection.send('first', { durable: true, confirm: true });
      client.pause();
      await connection.send('durable', { durable: true, confirm: true });
      const plain = connection.send('plain');
      const closed = close();
      client.resume();
      await closed;
      await plain;
      expect(heard).to.deep.equal(['first', 'durable', 'plain']);
      expect(errors).to.deep.equal([]);
    });
  }

  it('close() - waits for no plain message where the link is lost', async () => {
    hear(server);
    server.pause();
    await client.send('durable', { durable: true, confirm: true });
    const plain = rejected(client.send('plain'));
    const closed = client.close();
    connection.destroy();
    await closed;
    expect((await plain).code).to.equal('ERR_CLOSED');
  });

  it('flush() - of both ends resolves when plain messages behind durable ones have arrived', async () => {
    const atServer = hear(server);
    const atClient = hear(client);
    await connection.send('first', { durable: true, confirm: true });
    for (const { end, other, heard } of [
      { end: client, other: server, heard: atServer },
      { end: connection, other: client, heard: atClient },
    ]) {
      other.pause();
      await end.send('durable', { durable: true, confirm: true });
      const plain = end.send('plain');
      const flushed = end.flush();
      other.resume();
      await flushed;
      await plain;
      expect(heard.slice(-2)).to.deep.equal(['durable', 'plain']);
    }
  });

  it('durable messages - do not wait until listeners are done with a plain one that is to be confirmed', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const atServer: unknown[] = [];
    const atClient: unknown[] = [];
    server.on('message', (data) => (atServer.push(data), data === 'slow' ? gate : undefined));
    client.on('message', (data) => (atClient.push(data), data === 'slow' ? gate : undefined));
    await connection.send('first', { durable: true, confirm: true });
    for (const { end, heard } of [
      { end: client, heard: atServer },
      { end: connection, heard: atClient },
    ]) {
      const slow = end.send('slow', { confirm: true });
      await end.send('durable', { durable: true, confirm: true });
      await end.send('plain', { confirm: true });
      expect(heard.slice(-3)).to.deep.equal(['slow', 'durable', 'plain']);
      slow.catch(() => {});
    }
    release();
  });

  it('messages() - hears durable messages and plain ones, in order; what a loop left is for the next one', async () => {
    await connection.send('first', { durable: true });
    for (const { end, other } of [
      { end: client, other: connection },
      { end: connection, other: client },
    ]) {
      const loop = other.messages();
      const heard = async (): Promise<unknown> => (await loop.next()).value as unknown;
      if (other === client) expect(await heard()).to.equal('first');
      await end.send('durable', { durable: true, confirm: true });
      await end.send('plain');
      await end.send('next', { durable: true, confirm: true });
      expect([await heard(), await heard(), await heard()]).to.deep.equal(['durable', 'plain', 'next']);
      await end.send('left', { durable: true });
      // It goes once the loop was given what is before it.
      await end.send('plain');
      await loop.return?.();
      const second = other.messages();
      expect(await second.next()).to.deep.equal({ done: false, value: 'left' });
      await second.return?.();
    }
  });
});
