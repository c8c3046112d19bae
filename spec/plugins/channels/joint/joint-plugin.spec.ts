import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { BusError, Client, Server } from '../../../../lib/index.ts';
import { channels } from '../../../../lib/plugins/channels/index.ts';
import { joint } from '../../../../lib/plugins/channels/joint/index.ts';
import { until } from '../../../support/buses.ts';
import { JointPeer } from './joint-peer.ts';

describe('the joint plugin', () => {
  const ends: (Client | Server)[] = [];
  const peers: JointPeer[] = [];

  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close();
    for (const end of ends.splice(0).reverse()) await end[Symbol.asyncDispose]();
  });

  const serve = (): Server => {
    const server = new Server({ url: 'memory:joint-plugin' });
    ends.push(server);
    return server;
  };
  /** Says who is in the room "wire" that a bus peer opened, by a joint peer that enters it. */
  const meets = async (port: number | undefined): Promise<void> => {
    const client = new Client({ url: 'memory:joint-plugin' });
    ends.push(client);
    const rooms = client.use(channels());
    await client.connect();
    const owner = await rooms.create('wire', { mode: 'data' });
    owner.on('data', (bytes, user) => owner.send(user, bytes));
    const peer = await JointPeer.tcp(port ?? 0);
    peers.push(peer);
    peer.write('00 01 01 04 77697265 03 00 796f');
    await peer.expect('00 03 01 00 00 03 00 796f');
  };
  const refused = (attempt: Promise<unknown>): Promise<{ readonly code?: unknown }> =>
    attempt.then(
      () => ({}),
      (error: { readonly code?: unknown }) => error,
    );
  const codeOf = (task: () => unknown): unknown => {
    try {
      return task();
    } catch (error) {
      return error instanceof BusError ? error.code : error;
    }
  };

  it('beside channels() - its peers meet bus peers, and its port is free once the server is closed', async () => {
    const server = serve();
    server.use(channels());
    const opened = server.use(joint({ port: 0 }));
    expect(opened.port).to.equal(undefined);
    await server.start();
    await meets(opened.port);
    const { port } = opened;
    await server.close();
    expect((await refused(JointPeer.tcp(port ?? 0))).code).to.equal('ECONNREFUSED');
    const next = new Server({ url: 'memory:joint-plugin' });
    ends.push(next);
    next.use(channels());
    const again = next.use(joint({ port: port ?? 0 }));
    await next.start();
    expect(again.port).to.equal(port);
  });

  it('by the option of channels() - is loaded by itself', async () => {
    const server = serve();
    const relay = server.use(channels({ joint: { port: 0 } }));
    await server.start();
    await meets(relay.jointPort);
  });

  it('by the option, on a server that listens already - opens its port too', async () => {
    const server = serve();
    await server.start();
    const relay = server.use(channels({ joint: { port: 0 } }));
    await until(() => relay.jointPort !== undefined);
    await meets(relay.jointPort);
  });

  it('a server that is closed while it starts - opens no port', async () => {
    const server = serve();
    const relay = server.use(channels({ joint: { port: 0 } }));
    const starting = server.start().catch(() => undefined);
    await server.close();
    await starting;
    expect(relay.jointPort).to.equal(undefined);
  });

  it('without channels, twice, on a client, or with wrong options - is refused', () => {
    const server = serve();
    expect(codeOf(() => server.use(joint()))).to.equal('ERR_PLUGIN');
    server.use({ name: 'channels', install: () => ({ api: {} }) });
    expect(codeOf(() => server.use(joint()))).to.equal('ERR_PLUGIN');
    const client = new Client({ url: 'memory:nowhere' });
    ends.push(client);
    client.use(channels());
    expect(codeOf(() => client.use(joint()))).to.equal('ERR_PLUGIN');
    expect(codeOf(() => joint({ port: -1 }))).to.equal('ERR_INVALID_OPTION');
    const other = new Server({ url: 'memory:nowhere' });
    ends.push(other);
    expect(codeOf(() => other.use(channels({ joint: { port: -1 } })))).to.equal('ERR_INVALID_OPTION');
  });
});
