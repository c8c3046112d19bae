import { PassThrough, Readable } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError, Client, definePlugin, type PeerHandle } from '../../../lib/index.ts';
import { eachTransferBus, megabyte, reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';

describe('interserve peers and decisions', () => {
  let bus: TransferBus;
  let one: TransferClient;
  eachTransferBus(
    (started, client) => {
      bus = started;
      one = client;
    },
    () => bus,
  );

  describe('peers', () => {
    it('several - each gets its own receipt, one failure keeps none from the others', async () => {
      const two = await bus.connect();
      const three = await bus.connect();
      one.transfers.receive('map', () => {});
      two.transfers.receive('map', () => {
        throw new Error('two says no');
      });
      const handle = bus.transfers.broadcast('map', megabyte);
      expect([...handle.receipts.keys()]).to.have.members([one.peer, two.peer, three.peer]);
      const outcomes = await handle.receipt;
      expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected', 'rejected']);
      expect(await reasonOf(handle.receipts.get(three.peer) ?? Promise.resolve())).to.equal('unknown');
    });

    it('omit - leaves out whom it is told to', async () => {
      const two = await bus.connect();
      let count = 0;
      for (const { transfers } of [one, two]) transfers.receive('map', () => (count += 1));
      expect([...bus.transfers.omit('map', 'x', one.peer).receipts.keys()]).to.deep.equal([two.peer]);
      await bus.transfers.omit('map', 'x', [one.peer, two.peer]).receipt;
      await bus.transfers.omit('map', 'x', [two.peer]).receipt;
      expect(count).to.be.within(1, 2);
    });

    it('a client - sends before it is connected', async () => {
      bus.transfers.receive('map', () => {});
      const { client, transfers } = bus.client();
      const handle = transfers.send('map', 'early');
      await bus.join(client);
      expect(await handle.receipt).to.include({ bytes: 5 });
      expect([...handle.receipts.keys()]).to.deep.equal([client]);
    });

    it('a peer without the plugin, or of the net-ipc dialect - rejects with ERR_PEER_LACKS_FEATURE', async () => {
      const legacy = await bus.connect({}, { native: false });
      const peer = await bus.join(new Client({ host: '127.0.0.1', port: bus.server.port }));
      const sent = [
        bus.transfers.send('map', 'x', peer),
        bus.transfers.send('map', 'x', legacy.peer),
        legacy.transfers.send('map', 'x'),
      ];
      for (const { receipt } of sent) {
        const error = await receipt.catch((failure: unknown) => failure);
        expect(error).to.have.property('code', 'ERR_PEER_LACKS_FEATURE');
      }
    });

    it('a peer whose answer fails with a code of its own - rejects with ERR_REMOTE, whatever the code', async () => {
      const client = new Client({ host: '127.0.0.1', port: bus.server.port });
      let code = '';
      client.use(
        definePlugin({
          name: 'interserve',
          server: () => ({ api: undefined }),
          client: (host) => {
            host.lane({ request: () => Promise.reject(new BusError(code, 'no')) });
            return { api: undefined };
          },
        }),
      );
      const peer = await bus.join(client);
      for (code of ['E_MINE', 'constructor', '__proto__', 'toString', 'valueOf', 'hasOwnProperty']) {
        const error = await bus.transfers.send('map', 'x', peer).receipt.catch((failure: unknown) => failure);
        expect(error, code).to.include({ code: 'ERR_REMOTE', message: 'no' });
      }
    });

    it('a peer that leaves half-way - rejects with ERR_CLOSED and leaves nothing waiting', async () => {
      const started = new Promise<void>((resolve) => {
        one.transfers.receive('map', () => new Promise<never>(() => resolve()), { as: 'stream' });
      });
      const handle = bus.transfers.send('map', new PassThrough(), one.peer);
      const source = new PassThrough();
      source.write('x');
      const other = bus.transfers.send('map', source, one.peer);
      await started;
      one.client.destroy();
      expect(await reasonOf(handle.receipt)).to.equal('left');
      expect(await reasonOf(other.receipt)).to.equal('left');
      expect(source.destroyed).to.equal(true);
    });
  });

  describe('decisions', () => {
    it('an id that was not added - is unknown to both sides', async () => {
      bus.transfers.receive('other', () => {});
      const source = new PassThrough();
      expect(await reasonOf(bus.transfers.send('other', source, one.peer).receipt)).to.equal('unknown');
      expect(source.destroyed, 'nobody else ends it').to.equal(true);
      expect(await reasonOf(one.transfers.send('other', 'x').receipt)).to.equal('unknown');
      expect(bus.transfers.exists('other')).to.equal(false);
      bus.transfers.add('other');
      await one.transfers.send('other', 'x').receipt;
    });

    it('the handshake - refuses by false, fails by throwing, and always its own transfer', async () => {
      const sizes: unknown[] = [];
      bus.transfers.receive('map', () => {});
      bus.transfers.handshake('map', async (peer: PeerHandle, size) => {
        expect(peer).to.equal(one.peer);
        sizes.push(size);
        if (size === 1) return false;
        if (size === 2) throw new Error('not two');
        return true;
      });
      const sent = ['x', 'xx', 'xxx', Readable.from(['x'])].map((data) =>
        reasonOf(one.transfers.send('map', data).receipt),
      );
      expect(await Promise.all(sent)).to.deep.equal(['refused', 'failed', 'fulfilled', 'fulfilled']);
      expect(sizes).to.have.deep.members([1, 2, 3, undefined]);
      bus.transfers.handshake('map');
      await one.transfers.send('map', 'x').receipt;
    });

    it('the interrupt - stops both ways and sees the request', async () => {
      const seen: unknown[] = [];
      bus.transfers.receive('map', () => {});
      one.transfers.receive('map', () => {});
      bus.transfers.interrupt('map', (peer, { id, way, method, size, address }) => {
        seen.push([peer === one.peer, id, way, method, size, address]);
        return false;
      });
      expect(await reasonOf(bus.transfers.send('map', 'xy', one.peer).receipt)).to.equal('interrupted');
      expect(await reasonOf(one.transfers.send('map', 'xyz').receipt)).to.equal('interrupted');
      expect(seen).to.deep.equal([
        [true, 'map', 'down', 'GET', 2, '127.0.0.1'],
        [true, 'map', 'up', 'PUT', 3, '127.0.0.1'],
      ]);
      bus.transfers.interrupt('map', () => Promise.reject(new Error('undecided')));
      expect(await reasonOf(one.transfers.send('map', 'x').receipt)).to.equal('failed');
      bus.transfers.interrupt('map');
      await one.transfers.send('map', 'x').receipt;
    });

    it('failure - hears of both ways with status, sentence and headers, until it is removed', async () => {
      const heard: unknown[] = [];
      bus.transfers.receive('map', () => {});
      bus.transfers.handshake('map', () => false);
      one.transfers.failure('map', (code, reason, headers) => {
        heard.push([code, reason, headers?.['interserve-reason']]);
      });
      await reasonOf(one.transfers.send('map', 'x').receipt);
      await reasonOf(bus.transfers.send('map', 'x', one.peer).receipt);
      bus.transfers.handshake('map');
      bus.transfers.interrupt('map', () => false);
      await reasonOf(one.transfers.send('map', 'x').receipt);
      one.transfers.receive('map', () => {});
      const heardAll = new Promise((resolve) => one.transfers.once('transfer', resolve));
      await reasonOf(bus.transfers.send('map', 'x', one.peer).receipt);
      await heardAll;
      one.transfers.failure('map');
      await reasonOf(one.transfers.send('map', 'x').receipt);
      expect(heard).to.deep.equal([
        [403, 'The handshake refused the upload.', undefined],
        [404, 'There is no such endpoint, or nobody receives on it.', undefined],
        [403, 'The interrupt stopped the transfer.', 'interrupted'],
        [403, 'The interrupt stopped the transfer.', 'interrupted'],
      ]);
    });

    it('remove - ends what is under way with 410 and forgets the figures', async () => {
      const started = new Promise<void>((resolve) => {
        one.transfers.receive('map', () => new Promise<never>(() => resolve()), { as: 'stream' });
      });
      const source = new PassThrough();
      source.write('x');
      const handle = bus.transfers.send('map', source, one.peer);
      await started;
      expect(bus.transfers.remove('map')).to.equal(true);
      expect(bus.transfers.remove('map')).to.equal(false);
      expect(await reasonOf(handle.receipt)).to.equal('gone');
      expect(bus.records.map(({ outcome }) => outcome)).to.deep.equal(['gone']);
      expect(bus.transfers.stats()).to.deep.equal({});
    });
  });
});
