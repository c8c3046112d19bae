import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { systemClock } from '../../../lib/base/system-clock.ts';
import { Client, Server, type ServerOptions } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';

/** Ten seconds of it are one tenth of a second. */
const fastClock = {
  ...systemClock,
  now: () => systemClock.now() * 100,
  setTimer: (callback: () => void, ms: number, isBackground?: boolean) =>
    systemClock.setTimer(callback, ms / 100, isBackground),
};

describe('journal, takeover from a server that takes long to close', () => {
  let home: string;
  let servers: Server[];
  let errors: string[];
  let release: () => void;
  let client: Client;

  function serverWith(options: Omit<ServerOptions, 'path'>): Server {
    const server = new Server({ path: join(home, 'bus.sock'), journal: journal(join(home, 'inbox')), ...options });
    server.on('error', ({ code }) => errors.push(code));
    servers.push(server);
    return server;
  }

  /** Has the folder until `release`. */
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'busbar-takeover-'));
    servers = [];
    errors = [];
    const slow = serverWith({ closeTimeoutMs: 60_000 });
    let isBegun = false;
    slow.consume(() => {
      isBegun = true;
      return new Promise<void>((resolve) => (release = resolve));
    });
    await slow.start();
    client = new Client({ path: join(home, 'bus.sock'), maxRetryTime: 100, journal: journal(join(home, 'outbox')) });
    client.on('error', () => {});
    await client.connect();
    await client.send('slow', { durable: true, confirm: true });
    await until(() => isBegun);
  });
  afterEach(async () => {
    release();
    await client.close();
    await Promise.all(servers.map((server) => server.close()));
    rmSync(home, { recursive: true, force: true });
  });

  it('the next one says so after 10 s, and has the folder as soon as the other one has let go of it', async () => {
    const heir = serverWith({ clock: fastClock, heartbeatIntervalMs: 0, handshakeTimeoutMs: 600_000 });
    const heard: unknown[] = [];
    heir.on('message', (message) => heard.push(message));
    const closed = once(servers[0] as Server, 'close');
    await heir.start({ takeover: true });
    await closed;
    await until(() => errors.includes('ERR_JOURNAL_IN_USE'));
    release();
    await client.send('after', { durable: true, confirm: true });
    await until(() => heard.includes('after'));
    expect(errors).to.deep.equal(['ERR_JOURNAL_IN_USE']);
  });

  it('the next one can close meanwhile', async () => {
    const heir = serverWith({});
    await heir.start({ takeover: true });
    await heir.close();
    expect(errors).to.deep.equal([]);
  });
});
