import { expect } from 'chai';
import { after, afterEach, beforeEach, describe, it } from 'mocha';
import { BusError } from '../../lib/index.ts';
import type { FaultProxyOptions, ProxyAddress } from '../../lib/testing/index.ts';
import { FaultProxy, SeededRandom } from '../../lib/testing/index.ts';
import type { Address } from '../../lib/transport/address.ts';
import { dial, Host, rejection, socketFolder, type Witness } from '../support/links.ts';

for (const kind of ['unix', 'tcp'] as const) {
  describe(`fault proxy - ${kind}`, () => {
    const folder = socketFolder();
    const opened: Witness[] = [];
    let host: Host;
    let proxy: FaultProxy;

    beforeEach(async () => {
      const at: Address = kind === 'unix' ? { kind, path: folder.path('t') } : { kind, host: '127.0.0.1', port: 0 };
      host = await Host.open(at);
      const target: ProxyAddress = kind === 'unix' ? { path: folder.path('t') } : { port: host.listener.port ?? 0 };
      const listen: ProxyAddress = kind === 'unix' ? { path: folder.path('p') } : { port: 0 };
      proxy = await new FaultProxy({ listen, target, random: new SeededRandom(1) }).start();
    });

    afterEach(async () => {
      for (const { link } of opened.splice(0)) link.destroy();
      await proxy.close();
      await host.close();
    });

    after(() => folder.remove());

    async function pair(): Promise<[Witness, Witness]> {
      const known = host.accepted.length;
      const client = await dial(
        kind === 'unix' ? { kind, path: folder.path('p') } : { kind, host: '127.0.0.1', port: proxy.port ?? 0 },
      );
      opened.push(client);
      await host.until(() => host.accepted.length > known);
      return [client, host.accepted[known] as Witness];
    }

    it('bytes - pass both ways, and so does a close', async () => {
      const [client, server] = await pair();
      client.link.write(Buffer.from('there'));
      server.link.write(Buffer.from('back'));
      await Promise.all([server.received(5), client.received(4)]);
      expect([server.text, client.text]).to.deep.equal(['there', 'back']);
      client.link.end();
      await Promise.all([server.closed, client.closed]);
      expect(proxy.accepted).to.equal(1);
    });

    it('slices - arrive whole and in order', async () => {
      const [client, server] = await pair();
      proxy.apply({ sliceBytes: 7 });
      const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, at) => at & 0xff));
      client.link.write(bytes);
      await server.received(bytes.length);
      expect(Buffer.concat(server.chunks).equals(bytes)).to.equal(true);
      expect(server.chunks.length).to.be.above(10);
    });

    it('latency - makes bytes late', async () => {
      const [client, server] = await pair();
      proxy.apply({ latencyMs: 60 });
      const sentAt = performance.now();
      client.link.write(Buffer.from('late'));
      await server.received(4);
      expect(performance.now() - sentAt).to.be.at.least(58);
    });

    it('a rate limit - holds for a direction', async () => {
      const [client, server] = await pair();
      proxy.apply({ bytesPerSecond: 200_000 });
      const sentAt = performance.now();
      client.link.write(Buffer.alloc(40_000));
      await server.received(40_000);
      expect(performance.now() - sentAt).to.be.within(90, 3_000);
    });

    it('a reset - closes both ends', async () => {
      const [client, server] = await pair();
      expect(proxy.reset()).to.equal(1);
      await Promise.all([client.closed, server.closed]);
      expect(proxy.links).to.equal(0);
    });

    it('a cut after so many bytes - lets exactly those through', async () => {
      const [client, server] = await pair();
      proxy.apply({ cutAfterBytes: 1_000 });
      client.link.write(Buffer.alloc(5_000));
      await Promise.all([client.closed, server.closed]);
      expect(server.size).to.be.at.most(1_000);
    });

    it('a black hole - holds all back, a close too, until it is healed', async () => {
      const [client, server] = await pair();
      proxy.apply({ blackHole: true });
      client.link.write(Buffer.from('held'));
      client.link.end();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([server.size, server.closes]).to.deep.equal([0, 0]);
      proxy.heal();
      await server.received(4);
      await server.closed;
    });

    it('a slow close - comes late', async () => {
      const [client, server] = await pair();
      proxy.apply({ slowCloseMs: 60 });
      const endedAt = performance.now();
      client.link.end();
      await server.closed;
      expect(performance.now() - endedAt).to.be.at.least(58);
    });

    it('refusing - closes new links at once', async () => {
      proxy.refusing = true;
      const client = await dial(
        kind === 'unix' ? { kind, path: folder.path('p') } : { kind, host: '127.0.0.1', port: proxy.port ?? 0 },
      );
      await client.closed;
      expect(host.accepted).to.have.length(0);
    });

    it('a second start, and a path that is taken - are refused', async () => {
      expect((await rejection(proxy.start())).code).to.equal('ERR_STATE');
      const listen: ProxyAddress = kind === 'unix' ? { path: folder.path('p') } : { port: proxy.port ?? 0 };
      expect((await rejection(new FaultProxy({ listen, target: listen }).start())).code).to.equal('ERR_LISTEN');
    });
  });
}

describe('fault proxy - options', () => {
  const at = { port: 0 };
  const refused: readonly (readonly [object | undefined, RegExp])[] = [
    [undefined, /needs the options "listen" and "target"/],
    [{ listen: at }, /needs the options "listen" and "target"/],
    [{ listn: at, target: at }, /no option "listn", did you mean "listen"/],
    [{ listen: 5, target: at }, /"listen" must be \{ path \} or \{ port, host \}/],
    [{ listen: at, target: { port: '80' } }, /"target" must be/],
    [{ listen: at, target: at, faults: { latency: 5 } }, /no option "latency", did you mean "latencyMs"/],
  ];
  for (const [options, message] of refused) {
    it(`${JSON.stringify(options)} - is refused`, () => {
      expect(() => new FaultProxy(options as FaultProxyOptions))
        .to.throw(BusError, message)
        .with.property('code', 'ERR_INVALID_OPTION');
    });
  }

  it('faults that there are not - are refused, and the others stay as they are', () => {
    const proxy = new FaultProxy({ listen: at, target: at, faults: { sliceBytes: 7 } });
    for (const faults of [{ latency: 5 }, { latencyMs: -5 }, { latencyMs: '5' }, { blackHole: 1 }, null] as never[]) {
      expect(() => proxy.apply(faults))
        .to.throw(BusError)
        .with.property('code', 'ERR_INVALID_OPTION');
    }
    proxy.apply({ latencyMs: 0.5, cutAfterBytes: Number.POSITIVE_INFINITY });
    expect(proxy.faults).to.deep.equal({ sliceBytes: 7, latencyMs: 0.5, cutAfterBytes: Number.POSITIVE_INFINITY });
  });
});
