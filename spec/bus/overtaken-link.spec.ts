import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Server } from '../../lib/index.ts';
import { LinkPort } from '../../lib/session/link-port.ts';
import { openLink } from '../../lib/session/open-link.ts';
import { MemoryNetwork, VirtualClock } from '../../lib/testing/index.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { ClientHandshake } from '../../lib/wire/handshake/client-handshake.ts';
import { Slab } from '../../lib/base/slab.ts';
import { rejected } from '../support/buses.ts';

describe('a link that was overtaken', () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  let server: Server;

  beforeEach(async () => {
    server = await new Server({ url: 'memory:overtaken', clock, network }).start();
  });

  afterEach(async () => {
    const closed = server.close();
    await clock.run(20_000);
    await closed;
  });

  async function open(resume?: { token: string; received: number }, id: string | null = null) {
    const address = { kind: 'memory', name: 'overtaken', netLag: 0, netSpeed: Number.POSITIVE_INFINITY } as const;
    const dialled = network.dial(address, clock, new AbortController().signal);
    await clock.run(1);
    const port = new LinkPort(await dialled, clock);
    const offer = { versions: [1], features: [], maxFrameBytes: 65_536 };
    const busbar = resume === undefined ? offer : { ...offer, resume };
    const hello = { compress: false, messagepack: false, extras: undefined, id, busbar };
    const opened = openLink(port, new ClientHandshake({ hello }), new AbortController().signal);
    opened.catch(() => {});
    await clock.run(1);
    return { port, opened };
  }

  it('a hello that is behind what was acknowledged - is refused, and the session goes on', async () => {
    const first = await open();
    const { id, busbar } = await first.opened;
    const token = busbar?.token ?? '';
    const connection = server.connection(id)!;
    const confirmed = Promise.all([1, 2, 3].map((number) => connection.send(number, { confirm: true })));
    await clock.run(1);
    const slab = new Slab();
    new NativeEncoder({ slab, records: false, maxFrameBytes: 65_536, maxDepth: 64 }).ack(3);
    for (const bytes of slab.take()) first.port.write(bytes);
    await clock.run(1);
    await confirmed;
    const second = await open({ token, received: 3 }, id);
    expect((await second.opened).busbar?.outcome).to.equal('resumed');
    const late = await open({ token, received: 1 }, id);
    expect((await rejected(late.opened)).code).to.equal('ERR_CLOSED');
    expect(server.connection(id)).to.equal(connection);
    expect(connection.attached).to.equal(true);
    second.port.destroy();
  });
});
