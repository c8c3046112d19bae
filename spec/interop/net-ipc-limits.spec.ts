import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BusError, Client, Server, type ServerOptions } from '../../lib/index.ts';
import { NetIpcProcess, RemoteEnd } from '../support/net-ipc-process.ts';
import { eager, rejected, sleep, until } from '../support/buses.ts';
import { codecs } from './matrix.ts';

let real: NetIpcProcess;
let folder: string;
let paths = 0;
const closers: (() => Promise<unknown>)[] = [];

/** A busbar server with a net-ipc client that is about to connect. */
async function serve(
  options: ServerOptions,
  codec: object = {},
): Promise<{ server: Server; theirs: RemoteEnd; connected: Promise<unknown> }> {
  const path = join(folder, String(++paths));
  const server = await new Server({ path, ...options }).start();
  const theirs = await new RemoteEnd(real).make('client', { path, ...codec }, 'none');
  closers.push(
    () => theirs.drop(),
    () => server.close(),
  );
  return { server, theirs, connected: theirs.call('connect', 'payload') };
}

describe('net-ipc 2.2.2, where it knows less', () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    real = new NetIpcProcess();
    await real.started();
  });
  after(async () => {
    await real.end();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  for (const codec of codecs) {
    it(`a client that is refused hears why in its close event - ${codec.name}`, async () => {
      const authorize = (): never => {
        throw new Error('no entry');
      };
      const { server, theirs, connected } = await serve({ authorize }, codec);
      await connected;
      expect(await theirs.heard('close')).to.deep.equal([['no entry']]);
      expect(server.connections).to.deep.equal([]);
    });
  }

  it('a requester resolves undefined when the handler fails, or there is none', async () => {
    const { server, theirs, connected } = await serve({});
    await connected;
    expect(await theirs.call('request', 'x')).to.equal(undefined);
    server.handle(() => {
      throw new BusError('ERR_REFUSED', 'no');
    });
    expect(await theirs.call('request', 'x')).to.equal(undefined);
  });

  it('a client that says nothing is kept, since it answers pings', async () => {
    const { server, theirs, connected } = await serve({ heartbeatIntervalMs: 30, heartbeatTimeoutMs: 500 });
    await connected;
    const [connection] = server.connections;
    await sleep(700);
    expect(server.connections).to.deep.equal([connection]);
    expect(theirs.all('close')).to.deep.equal([]);
    expect(connection?.lateResponses).to.equal(0);
  });

  it('a client whose packet is over the limit loses its link, with one error', async () => {
    const errors: string[] = [];
    const { server, theirs, connected } = await serve({ maxMessageBytes: 10_000 });
    server.on('error', ({ code }) => errors.push(code));
    await connected;
    await theirs.call('send', 'x'.repeat(50_000));
    await until(() => errors.length > 0 && server.connections.length === 0);
    expect(errors).to.deep.equal(['ERR_TOO_LARGE']);
  });

  it('a server confirms nothing, has no lanes, and its loss is told', async () => {
    const path = join(folder, String(++paths));
    const theirs = await new RemoteEnd(real).make('server', { path }, 'none');
    await theirs.call('start');
    const client = new Client({ path, random: eager, retries: 0, reconnect: false });
    closers.push(
      () => theirs.drop(),
      () => client.close(),
    );
    await client.connect();
    expect((await rejected(client.send('x', { confirm: true }))).code).to.equal('ERR_PEER_LACKS_FEATURE');
    await client.flush();
    const closed = new Promise((resolve) => client.once('close', resolve));
    await theirs.callConnection(client.id!, 'destroy');
    await closed;
    expect(client.status).to.equal(0);
    expect((await rejected(client.request('x'))).code).to.equal('ERR_CLOSED');
  });
});
