import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Client } from '../../../lib/index.ts';
import {
  type ClientTransfers,
  interserve,
  type InterserveOptions,
  type ServerTransfers,
} from '../../../lib/plugins/interserve/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { Galaxy, type Star } from './galaxy.ts';

interface Store extends Star {
  readonly transfers: ServerTransfers;
}

(natsServer === undefined ? describe.skip : describe)('transfers over nodes', () => {
  let galaxy: Galaxy;
  let a: Store;
  let b: Store;

  beforeEach(async () => {
    galaxy = await Galaxy.open({ secret: 'the secret of all nodes' });
    a = await store('eu-1');
    b = await store('eu-2');
    await until(() => a.world.nodes.length === 2 && b.world.nodes.length === 2);
  });

  afterEach(async () => {
    await galaxy.end();
  });

  async function store(node: string, options: InterserveOptions = {}): Promise<Store> {
    let transfers: ServerTransfers | undefined;
    const made = await galaxy.star(node, {}, (server) => {
      transfers = server.use(interserve({ iport: 0, ...options }));
    });
    return { ...made, transfers: transfers as ServerTransfers };
  }

  async function client(of: Star): Promise<{ transfers: ClientTransfers; client: Client; id: string }> {
    let transfers: ClientTransfers | undefined;
    const made = await galaxy.client(of, {}, (one) => (transfers = one.use(interserve({ hosts: ['127.0.0.1'] }))));
    return { transfers: transfers as ClientTransfers, client: made, id: `${of.node}/${made.id}` };
  }

  const bytes = Buffer.alloc(3_000_000, 7);

  it('data of a node - is fetched there by clients of any node, and by several at once', async () => {
    a.transfers.add('map');
    const got: string[] = [];
    const near = await client(a);
    const far = [await client(b), await client(b)];
    for (const one of [near, ...far]) {
      one.transfers.receive('map', (data) => void got.push(Buffer.from(data).equals(bytes) ? 'whole' : 'wrong'));
    }
    const receipt = await a.transfers.send('map', bytes, far[0]?.id ?? '').receipt;
    expect(receipt.bytes).to.equal(bytes.length);
    const all = await a.transfers.send('map', bytes, [near.id, ...far.map(({ id }) => id)]).receipt;
    expect(all.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(got).to.deep.equal(['whole', 'whole', 'whole', 'whole']);
    // All bytes came from the node that has them.
    expect([a.transfers.stats()['map']?.sent, b.transfers.stats()['map']]).to.deep.equal([4, undefined]);
    expect(() => a.transfers.send('map', bytes, 'eu-9/x'))
      .to.throw()
      .with.property('code', 'ERR_NO_MEMBER');
    expect(await rejected(a.transfers.send('map', bytes, 'eu-2/nobody').receipt)).to.have.property(
      'code',
      'ERR_CLOSED',
    );
  });

  it('an upload - goes to the node that has its endpoint', async () => {
    let got: { from: string | undefined; bytes: number } | undefined;
    a.transfers.add('save');
    a.transfers.receive('save', (data, peer) => void (got = { from: peer.id, bytes: data.length }));
    const far = await client(b);
    const stream = new PassThrough();
    const handle = far.transfers.send('save', stream);
    stream.end(bytes);
    expect((await handle.receipt).bytes).to.equal(bytes.length);
    expect(got).to.deep.equal({ from: far.id, bytes: bytes.length });
    expect(await rejected(far.transfers.send('nowhere', 'x').receipt)).to.have.property('code', 'ERR_NO_HANDLER');
    const stopped = far.transfers.send('save', new PassThrough());
    stopped.abort();
    expect(await rejected(stopped.receipt)).to.have.property('code', 'ERR_ABORTED');
  });

  it('a node that clients of others cannot find - says what it lacks', async () => {
    const shared = await store('eu-3', { share: true });
    shared.transfers.add('map');
    await until(() => shared.world.nodes.length === 3);
    const far = await client(b);
    const error = await rejected(shared.transfers.send('map', 'x', far.id).receipt);
    expect(error).to.have.property('code', 'ERR_CONNECT');
    expect(String(error)).to.include('"address" and "port"');
  });

  it('a node that is killed - ends the transfers to its clients with ERR_NODE_LOST; a client that leaves its own', async () => {
    const child = await galaxy.process('eu-4');
    a.transfers.add('hang');
    await until(() => a.world.nodes.some(({ id, connections }) => id === 'eu-4' && connections === 1));
    const [there] = (await a.world.connections()).filter(({ node }) => node === 'eu-4');
    const handle = a.transfers.send('hang', 'x', there?.id ?? '');
    await new Promise((resolve) => handle.once('progress', resolve));
    child.kill('SIGKILL');
    expect(await rejected(handle.receipt)).to.have.property('code', 'ERR_NODE_LOST');
    const far = await client(b);
    far.transfers.receive('hang', () => new Promise(() => {}));
    const left = a.transfers.send('hang', 'x', far.id);
    await new Promise((resolve) => left.once('progress', resolve));
    far.client.destroy();
    expect(await rejected(left.receipt)).to.have.property('code', 'ERR_CLOSED');
    expect([...a.errors, ...b.errors]).to.deep.equal([]);
  });
});
