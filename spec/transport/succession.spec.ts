import { unlinkSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { VirtualClock } from '../../lib/testing/index.ts';
import { Succession } from '../../lib/transport/succession.ts';
import { socketFolder } from '../support/links.ts';

describe('succession', () => {
  let folder: ReturnType<typeof socketFolder>;
  let path: string;
  let servers: Server[];
  let sockets: Socket[];

  /** A successor, which answers unless it is `silent`. */
  const successor = async (silent = false): Promise<void> => {
    const server = createServer({ allowHalfOpen: silent }, (socket) => {
      sockets.push(socket.resume());
    }).listen(path);
    servers.push(server);
    await once(server, 'listening');
  };

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    folder = socketFolder();
    path = folder.path('s');
    servers = [];
    sockets = [];
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    folder.remove();
  });

  it('is done once the successor answered five looks, and begins anew with another one', async () => {
    const succession = new Succession(path, new VirtualClock());
    await successor();
    const first = await lstat(path);
    expect([await succession.look(first), await succession.look(first)]).to.deep.equal(['waits', 'waits']);
    expect(succession.isOpen).to.equal(true);
    unlinkSync(path);
    await successor();
    const second = await lstat(path);
    const looks: string[] = [];
    while (!looks.includes('done')) looks.push(await succession.look(second));
    expect(looks).to.deep.equal(['waits', 'waits', 'waits', 'waits', 'done']);
  });

  it('fails at once where nobody listens any more, or nothing stands', async () => {
    const succession = new Succession(path, new VirtualClock());
    expect(await succession.look(undefined)).to.equal('failed');
    await successor();
    const found = await lstat(path);
    expect(await succession.look(found)).to.equal('waits');
    unlinkSync(path);
    expect(await succession.look(found)).to.equal('failed');
  });

  it('waits ten seconds for one that listens and does not answer', async () => {
    const clock = new VirtualClock();
    const succession = new Succession(path, clock);
    await successor(true);
    const found = await lstat(path);
    expect(await succession.look(found)).to.equal('waits');
    clock.advance(9_900);
    expect(await succession.look(found)).to.equal('waits');
    clock.advance(200);
    expect(await succession.look(found)).to.equal('failed');
    succession.clear();
    expect(succession.isOpen).to.equal(false);
  });
});
