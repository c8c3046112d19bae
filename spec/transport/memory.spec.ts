import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import type { Random } from '../../lib/base/random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { parseAddress } from '../../lib/transport/address.ts';
import { dialer } from '../../lib/transport/dial.ts';
import { type LinkFaults, MemoryFaults } from '../../lib/transport/memory-faults.ts';
import { MemoryNetwork } from '../../lib/transport/memory.ts';
import { Host, Witness, rejection } from '../support/links.ts';

/** A small generator with a fixed start. */
function seeded(seed: number): Random {
  let state = seed;
  return {
    unit: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    },
    bytes: (count) => new Uint8Array(count),
  };
}

async function pair(url: string, plan?: LinkFaults) {
  const clock = new VirtualClock();
  const faults = new MemoryFaults({ random: seeded(7), plan: () => plan });
  const network = new MemoryNetwork({ faults });
  const address = parseAddress(url);
  const host = await Host.open(address, { clock, network });
  const dialing = dialer(address, { clock, network })(new AbortController().signal);
  clock.advance(0);
  const client = new Witness(await dialing);
  const server = host.accepted[0]!;
  return { clock, faults, network, host, client, server, address };
}

describe('memory link', () => {
  it('bytes - arrive by reference on the next turn, both ways', async () => {
    const { clock, client, server } = await pair('memory:x');
    expect(client.link.write(Buffer.from('ping'))).to.equal(true);
    expect(server.text).to.equal('');
    clock.advance(0);
    expect(server.text).to.equal('ping');
    server.link.write(Buffer.from('pong'));
    clock.advance(0);
    expect(client.text).to.equal('pong');
    expect(client.link.bufferedBytes).to.equal(0);
  });

  it('lag and speed - add up per sending end: 1000, 1000 and 10 bytes at 100 ms and 10,000 bytes/s', async () => {
    const { clock, client, server } = await pair('memory:x?netLag=100&netSpeed=10000');
    for (const size of [1_000, 1_000, 10]) client.link.write(new Uint8Array(size));
    const arrived: number[] = [];
    for (let seen = 0; clock.now() < 700; clock.advance(1)) {
      if (server.chunks.length > seen) arrived.push(clock.now());
      seen = server.chunks.length;
    }
    expect(arrived).to.deep.equal([200, 400, 501]);
    const start = clock.now();
    client.link.write(new Uint8Array(1_000));
    clock.advance(199);
    expect(server.chunks).to.have.length(3);
    clock.advance(1);
    expect(server.chunks).to.have.length(4);
    expect(clock.now() - start).to.equal(200);
  });

  it('lag - of the server address holds back what the server sends, and that only', async () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork();
    const host = await Host.open(parseAddress('memory:x?netLag=30'), { clock, network });
    const dialing = dialer(parseAddress('memory:x'), { clock, network })(new AbortController().signal);
    clock.advance(0);
    const client = new Witness(await dialing);
    expect(host.listener.address).to.equal('memory:x');
    client.link.write(Buffer.from('a'));
    host.accepted[0]!.link.write(Buffer.from('b'));
    clock.advance(29);
    expect([host.accepted[0]!.text, client.text]).to.deep.equal(['a', '']);
    clock.advance(1);
    expect(client.text).to.equal('b');
  });

  it('a full link - says false over 64 KiB, drains once, and pause holds everything in order', async () => {
    const { clock, client, server } = await pair('memory:x');
    server.link.pause();
    expect(client.link.write(new Uint8Array(65_536))).to.equal(true);
    expect(client.link.write(Uint8Array.of(1))).to.equal(false);
    clock.advance(1_000);
    expect([server.size, client.drains, client.link.bufferedBytes]).to.deep.equal([0, 0, 65_537]);
    server.link.resume();
    clock.advance(0);
    expect([server.size, client.drains, client.link.bufferedBytes]).to.deep.equal([65_537, 1, 0]);
    expect(server.chunks.at(-1)).to.deep.equal(Buffer.of(1));
  });

  it('end - delivers what was written, closes both ends once and leaves no timer', async () => {
    const { clock, client, server, faults } = await pair('memory:x?netLag=10');
    client.link.write(Buffer.from('last'));
    client.link.end();
    expect(client.link.write(Buffer.from('more'))).to.equal(false);
    clock.advance(100);
    expect(server.text).to.equal('last');
    expect([client.closes, server.closes, client.error, server.error]).to.deep.equal([1, 1, undefined, undefined]);
    expect([clock.pending, faults.pairs.size]).to.deep.equal([0, 0]);
  });

  it('end - closes within its bound even if the peer takes nothing', async () => {
    const { clock, client, server } = await pair('memory:x');
    server.link.pause();
    client.link.write(Buffer.from('x'));
    client.link.end();
    clock.advance(20_000);
    expect(client.closes).to.equal(1);
    server.link.destroy();
    clock.advance(0);
    expect([server.closes, clock.pending]).to.deep.equal([1, 0]);
  });

  it('destroy - closes at once with its error; the peer gets what was under way, then its close', async () => {
    const { clock, client, server } = await pair('memory:x?netLag=10');
    client.link.write(Buffer.from('x'));
    client.link.destroy(new Error('enough'));
    client.link.destroy();
    clock.advance(0);
    expect([client.closes, client.error?.message, server.closes]).to.deep.equal([1, 'enough', 0]);
    clock.advance(1_000);
    expect([server.text, server.closes, server.error, clock.pending]).to.deep.equal(['x', 1, undefined, 0]);
  });
});

describe('memory network', () => {
  it('a name nobody listens on - refuses like a port without a server', async () => {
    const error = await rejection(dialer(parseAddress('memory:nobody'))(new AbortController().signal));
    expect([error.code, error.cause?.code]).to.deep.equal(['ERR_CONNECT', 'ECONNREFUSED']);
  });

  it('a name - is taken until its listener closed; other networks do not know it', async () => {
    const { host, network, clock, address } = await pair('memory:x');
    const error = await rejection(Host.open(address, { network, clock }));
    expect([error.code, error.cause?.code]).to.deep.equal(['ERR_ADDRESS_IN_USE', 'EADDRINUSE']);
    await Host.open(address, { network: new MemoryNetwork(), clock });
    await host.listener.close();
    const again = await Host.open(address, { network, clock });
    await host.listener.close();
    expect((await rejection(Host.open(address, { network, clock }))).code).to.equal('ERR_ADDRESS_IN_USE');
    await again.listener.close();
  });

  it('without a network of its own - one name means one thing in the whole process', async () => {
    const address = parseAddress('memory:process-wide');
    const host = await Host.open(address);
    const client = new Witness(await dialer(address)(new AbortController().signal));
    client.link.write(Buffer.from('hello'));
    const [accepted] = host.accepted;
    await accepted!.received(5);
    client.link.end();
    await Promise.all([client.closed, accepted!.closed]);
    expect([accepted!.text, accepted!.closes, client.closes, host.accepted.length]).to.deep.equal(['hello', 1, 1, 1]);
    await host.close();
  });

  it('an aborted attempt - ends with the reason of its signal and opens nothing', async () => {
    const { clock, network, address, host } = await pair('memory:x');
    const reason = new Error('changed my mind');
    for (const signal of [AbortSignal.abort(reason), new AbortController()]) {
      const dialing = dialer(address, { clock, network })('signal' in signal ? signal.signal : signal);
      if ('signal' in signal) signal.abort(reason);
      expect(await rejection(dialing)).to.equal(reason);
      clock.advance(10);
    }
    expect(host.accepted).to.have.length(1);
  });
});

describe('memory faults', () => {
  it('options - are checked, those of the network too', () => {
    const wrong: (() => unknown)[] = [
      () => new MemoryFaults({ paln: () => undefined } as never),
      () => new MemoryFaults({} as never),
      () => new MemoryFaults(undefined as never),
      () => new MemoryFaults({ random: seeded(1), plan: 5 } as never),
      () => new MemoryNetwork({ fautls: new MemoryFaults({ random: seeded(1) }) } as never),
      () => new MemoryNetwork({ faults: {} } as never),
    ];
    for (const make of wrong) expect(make).to.throw(BusError).with.property('code', 'ERR_INVALID_OPTION');
  });

  it('a cut at byte N - lets N bytes through and resets both ends', async () => {
    const { clock, client, server, faults } = await pair('memory:x', { toServer: { cutAtByte: 6 } });
    for (const text of ['1234', '5678', '9']) client.link.write(Buffer.from(text));
    clock.advance(10);
    expect(server.text).to.equal('123456');
    for (const end of [client, server]) {
      expect([end.closes, (end.error as { code?: string }).code]).to.deep.equal([1, 'ECONNRESET']);
    }
    expect([clock.pending, faults.pairs.size]).to.deep.equal([0, 0]);
  });

  it('a black hole - swallows from byte N on without a word, not even of a close, until it heals', async () => {
    const { clock, client, server, faults } = await pair('memory:x', { toServer: { blackHoleAtByte: 3 } });
    client.link.write(Buffer.from('12345'));
    client.link.write(Buffer.from('678'));
    client.link.destroy();
    server.link.write(Buffer.from('still there'));
    clock.advance(60_000);
    expect([server.text, server.closes, client.closes]).to.deep.equal(['123', 0, 1]);
    for (const pair of faults.pairs) pair.heal();
    clock.advance(0);
    expect([server.text, server.closes, clock.pending]).to.deep.equal(['12345678', 1, 0]);
  });

  it('slices - keep every byte in order in small pieces, the same for the same seed', async () => {
    const sizes: number[][] = [];
    for (let run = 0; run < 2; run++) {
      const { clock, client, server } = await pair('memory:x', { toServer: { sliceBytes: 5 } });
      const text = 'the quick brown fox jumps over the lazy dog';
      client.link.write(Buffer.from(text));
      client.link.end();
      clock.advance(0);
      expect(server.text).to.equal(text);
      expect(server.closes).to.equal(1);
      sizes.push(server.chunks.map((chunk) => chunk.length));
    }
    expect(sizes[0]!.length).to.be.greaterThan(8);
    expect(Math.max(...sizes[0]!)).to.be.at.most(5);
    expect(sizes[1]).to.deep.equal(sizes[0]);
  });

  it('a refused attempt and a pair in hand - fail as told', async () => {
    const plans: (LinkFaults | undefined)[] = [{ refuse: true }, undefined];
    const clock = new VirtualClock();
    const faults = new MemoryFaults({ random: seeded(1), plan: (_name, number) => plans[number] });
    const network = new MemoryNetwork({ faults });
    const address = parseAddress('memory:x');
    const host = await Host.open(address, { clock, network });
    const attempt = () => {
      const dialing = dialer(address, { clock, network })(new AbortController().signal);
      clock.advance(0);
      return dialing;
    };
    expect((await rejection(attempt())).code).to.equal('ERR_CONNECT');
    const client = new Witness(await attempt());
    const [pair] = faults.pairs;
    expect([pair!.name, pair!.number]).to.deep.equal(['x', 1]);
    client.link.write(Buffer.from('lost'));
    pair!.cut();
    clock.advance(0);
    expect([host.accepted[0]!.size, host.accepted[0]!.closes, client.closes]).to.deep.equal([0, 1, 1]);
  });
});
