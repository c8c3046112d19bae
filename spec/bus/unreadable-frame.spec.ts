import { connect, createServer, type Server as ProxyServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { ownPlace } from '../plugins/journal/own-folder.ts';
import { contract, native, next, rejected } from '../support/buses.ts';

const marked = 'garbled on its way';
/** The text as it stands in a frame, and a byte before it that begins no value. */
const written = Buffer.from([0xa0 | marked.length, ...Buffer.from(marked)]);
const noValue = 0xc1;

/** Between two ends: whatever says `marked` arrives unreadable, over each link. */
async function garbler(path: string, target: string): Promise<ProxyServer> {
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (bytes) => {
      const at = bytes.indexOf(written);
      if (at >= 0) bytes[at] = noValue;
      to.write(bytes);
    });
    from.on('error', () => {});
    from.on('close', () => to.destroy());
  };
  const proxy = createServer((near) => {
    const far = connect(target);
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => proxy.listen(path, resolve));
  return proxy;
}

describe('a frame that cannot be read', () => {
  const at = ownPlace();
  let proxy: ProxyServer | undefined;

  afterEach(() => proxy?.close());

  async function pair(): Promise<{ server: Server; client: Client; connection: Connection }> {
    const server = await new Server({ path: at.path }).start();
    const path = join(at.home, 'proxy');
    proxy = await garbler(path, at.path);
    const client = new Client({ path });
    const note = ({ code }: { readonly code: string }): void => void at.errors.push(code);
    server.on('error', note);
    client.on('error', note);
    server.handle((question) => question);
    client.handle((question) => question);
    at.open.push(client, server);
    await client.connect();
    return { server, client, connection: server.connections[0] as Connection };
  }

  it('to the server - ends the session instead of breaking its links for ever', async () => {
    const { server, client, connection } = await pair();
    const over = next(server, 'disconnect');
    const undelivered = next(client, 'undelivered');
    const confirmed = rejected(client.send(marked, { confirm: true }));
    await client.send('behind it');
    expect((await confirmed).code).to.equal('ERR_SESSION_LOST');
    expect((await undelivered)[0]).to.deep.equal([{ data: 'behind it' }]);
    expect((await over)[0]).to.equal(connection);
    expect(await client.request('well again')).to.equal('well again');
    expect(at.errors).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
  });

  it('to a client - ends the session likewise, and the client comes back', async () => {
    const { server, connection } = await pair();
    const confirmed = rejected(connection.send(marked, { confirm: true }));
    const [again] = await next(server, 'connect');
    expect((await confirmed).code).to.equal('ERR_SESSION_LOST');
    expect(server.connections).to.deep.equal([again]);
    expect(await server.connections[0]?.request('well again')).to.equal('well again');
    expect(at.errors).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
  });
});

/** Longer than what is read unchecked, in so many lists. */
function nested(depth: number): unknown {
  let data: unknown = 'x'.repeat(5_000);
  for (let level = 0; level < depth; level++) data = [data];
  return data;
}

contract(
  'data that nests deeper than the peer takes',
  (bus) => {
    for (const [limit, mine, its] of [
      ['that of a peer with a lower limit', 64, 20],
      ['that of a peer that has no limit of its own given', 1_000, 64],
      ['that of an end that takes more itself', 200, 100],
    ] as const) {
      it(`${limit} - is refused for that message alone, both ways`, async () => {
        const { server, client, connection } = await bus().pair({ maxDepth: its }, { maxDepth: mine });
        const heard: unknown[] = [];
        server.on('message', (data) => void heard.push(data));
        server.handle(() => nested(its));
        client.on('message', (data) => void heard.push(data));
        for (const confirm of [false, true]) {
          expect((await rejected(client.send(nested(its + 1), { confirm }))).code).to.equal('ERR_UNENCODABLE');
        }
        expect((await rejected(client.request(nested(its + 1)))).code).to.equal('ERR_UNENCODABLE');
        expect((await rejected(connection.send(nested(its + 1)))).code).to.equal('ERR_UNENCODABLE');
        await client.send(nested(its), { confirm: true });
        await connection.send(nested(its), { confirm: true });
        expect(await client.request('as deep as it may be')).to.deep.equal(nested(its));
        expect(heard).to.deep.equal([nested(its), nested(its)]);
        expect(server.connections).to.deep.equal([connection]);
      });
    }

    it('a broadcast - reaches those that take it, and no session breaks', async () => {
      const { server, client: deep } = await bus().pair();
      const shallow = await bus().client({ maxDepth: 20 });
      const heard: string[] = [];
      const note = (name: string) => (data: unknown) => void heard.push(`${name} ${typeof data}`);
      shallow.on('message', note('shallow'));
      deep.on('message', note('deep'));
      await server.broadcast(nested(30));
      await server.broadcast('plain');
      await server.broadcast({ by: 'records' });
      await Promise.all(server.connections.map((connection) => connection.flush()));
      expect(heard.filter((line) => line.startsWith('deep'))).to.deep.equal([
        'deep object',
        'deep string',
        'deep object',
      ]);
      expect(heard.filter((line) => line.startsWith('shallow'))).to.deep.equal(['shallow string', 'shallow object']);
      expect(server.connections).to.have.lengthOf(2);
      expect(bus().takeErrors()).to.deep.equal(['ERR_UNENCODABLE']);
    });
  },
  { on: ['memory', 'unix', 'tcp'], speaking: [native] },
);
