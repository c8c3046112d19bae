import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SeededRandom, VirtualClock } from '../../../lib/testing/index.ts';
import { mutate } from '../../fuzz/mutate.ts';
import { SimNats } from '../../simulation/sim-nats.ts';
import { SimNode } from '../../simulation/sim-node.ts';
import { sleep, until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { ControlCodec } from '../../../lib/plugins/cluster/wire/control.ts';
import { entryPackets, readEntries } from '../../../lib/plugins/cluster/broadcasts/entries.ts';
import { NodeLinks } from '../../../lib/plugins/cluster/sessions/node-links.ts';
import { Seal } from '../../../lib/plugins/cluster/wire/seal.ts';
import { Subjects } from '../../../lib/plugins/cluster/wire/subjects.ts';
import { Galaxy } from './galaxy.ts';

describe('strangers on the subjects of a cluster', () => {
  (natsServer === undefined ? it.skip : it)(
    'with a secret - what they record, change and publish again reaches nobody, and the nodes go on',
    async () => {
      const galaxy = await Galaxy.open({ secret: 'the secret of all nodes' });
      const stranger = await connect({ servers: galaxy.nats.url });
      try {
        const taped: { subject: string; data: Uint8Array }[] = [];
        stranger.subscribe('bb.galaxy.>', {
          callback: (_error, { subject, data }) => {
            if (taped.length < 3_000) taped.push({ subject, data: new Uint8Array(data) });
          },
        });
        await stranger.flush();
        const a = await galaxy.star('eu-1');
        const b = await galaxy.star('eu-2');
        await until(() => a.world.nodes.length === 2 && b.world.nodes.length === 2);
        const got: unknown[] = [];
        b.world.on('message', (data) => void got.push(data));
        const client = await galaxy.client(b);
        client.on('message', (data) => void got.push(data));
        for (let number = 0; number < 50; number++) {
          await a.world.peer('eu-2').send(number);
          await a.world.broadcast(`all ${number}`);
        }
        await until(() => got.length === 100);
        expect(taped.length).to.be.greaterThan(20);
        const random = new SeededRandom(7);
        const packets = taped.map(({ data }) => data);
        for (const { subject, data } of taped) stranger.publish(subject, data);
        for (let count = 0; count < 6_000; count++) {
          stranger.publish(random.pick(taped).subject, mutate(packets, random));
          if (count % 500 === 0) await stranger.flush();
        }
        await stranger.flush();
        for (let number = 0; number < 50; number++) {
          await a.world.peer('eu-2').send(number, { confirm: number === 49 });
          await a.world.broadcast(`more ${number}`);
        }
        await until(() => got.length === 200);
        await sleep(100);
        expect(got).to.have.length(200);
        expect(new Set(got).size).to.equal(150);
        expect([...a.heard, ...b.heard]).to.deep.equal(['eu-2 up', 'eu-1 up']);
        expect([...a.errors, ...b.errors]).to.deep.equal([]);
      } finally {
        await stranger.close();
        await galaxy.end();
      }
    },
  );

  it('without a secret - any bytes are read or dropped, and what is kept of them is bounded', () => {
    const random = new SeededRandom(11);
    const clock = new VirtualClock({ maxSteps: 5_000_000 });
    const nats = new SimNats({ clock, random, loss: 0 });
    const nodes = ['a', 'b'].map((name, at) => new SimNode(nats, name, at + 1));
    clock.advance(2_000);
    const subjects = new Subjects('sim');
    const seal = new Seal(undefined);
    const codec = new ControlCodec(seal);
    const links = new NodeLinks({
      node: 'a',
      incarnation: 1,
      subjects,
      seal,
      clock,
      random,
      awaited() {},
      neighbours: { incarnationOf: (node) => (node === 'b' ? 2 : undefined), nobody() {}, stranger() {} },
      wire: () => (nodes[0] as SimNode).wire,
    });
    let opened = 0;
    links.listen({ kind: 'memory', name: 'a', netLag: 0, netSpeed: 0 }, clock, {
      link: (link) => {
        opened += 1;
        link.attach({ data() {}, drain() {}, close() {} });
      },
      error() {},
      mayRelease: () => false,
      replaced() {},
    });
    const to = subjects.to('a', 1);
    const open = new Uint8Array([0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 1, ...new Uint8Array(16), 0x62]);
    new DataView(open.buffer).setFloat64(23, 2);
    const about = (kind: number): Uint8Array => new Uint8Array([kind, ...open.subarray(1, 9), 0, 0, 0, 0, 0, 0, 9, 9]);
    const corpus = [
      open,
      ...[0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18].map(about),
      codec.packet(to, ['beat', 'b', 2, 9, 1, 1]),
      codec.packet(to, ['hello', 'c', 3, 99, 1]),
      codec.packet(to, ['welcome', 'b', 2, 99, 1, 1, undefined]),
      codec.packet(to, ['ask', 'b', 2, 1]),
      codec.packet(to, ['note', 'b', 2, 5, 5]),
      codec.packet(to, ['gone', 'b', 2, 'b', 2]),
      ...entryPackets('b', 2, [{ sequence: 1, more: true, bytes: new Uint8Array(20) }], seal, to),
    ];
    for (let count = 0; count < 25_000; count++) {
      const packet = count < corpus.length ? (corpus[count] as Uint8Array) : mutate(corpus, random);
      links.received(packet);
      codec.read(to, packet);
      readEntries(packet, seal, to);
      nodes[1]?.wire.publish(random.chance(0.5) ? to : subjects.nodes, packet);
      if (count % 200 === 0) clock.advance(20);
    }
    clock.advance(5_000);
    expect(opened).to.be.greaterThan(0);
    expect([...(nodes[0] as SimNode).membership.nodes.all].length).to.be.at.most(20);
  }).timeout(60_000);
});
