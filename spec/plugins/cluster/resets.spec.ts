import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../../lib/base/system-clock.ts';
import { systemRandom } from '../../../lib/base/random.ts';
import { resolveOptions } from '../../../lib/base/options.ts';
import { ClusterNode } from '../../../lib/plugins/cluster/cluster-node.ts';
import { NatsWire } from '../../../lib/plugins/cluster/wire/nats-wire.ts';
import { type ClusterSettings, clusterTable } from '../../../lib/plugins/cluster/options.ts';
import { sleep, until } from '../../support/buses.ts';
import { Nats, natsServer } from '../../support/nats-server.ts';
import { Cut } from './cut.ts';

/** A node that knows nothing of the processes of others, as on another machine; its connections go to these ports, in their order. */
function distant(node: string, incarnation: number, ports: readonly number[]) {
  const heard: string[] = [];
  const got: unknown[] = [];
  let wires = 0;
  const given = { name: 'far', node, heartbeatMs: 200, deadAfterMs: 1_000 };
  const made = new ClusterNode({
    settings: resolveOptions('cluster()', clusterTable, given) as ClusterSettings,
    incarnation,
    clock: systemClock,
    random: systemRandom,
    closeTimeoutMs: 1_000,
    processes: { own: () => undefined, isGone: () => false },
    openWire: (events) => {
      const servers = `nats://127.0.0.1:${ports[wires++ % ports.length]}`;
      return new NatsWire({ given: { servers }, label: node, pingMs: 500, clock: systemClock }, events);
    },
    connections: () => 0,
    events: {
      status: (status) => void heard.push(status),
      changed: ({ id, state, reason }) => void heard.push(`${id} ${state}: ${reason}`),
      lost: () => {},
      broadcast: () => undefined,
      message: (data) => void got.push(data),
      request: (data) => data,
      laneMessage: () => {},
      laneRequest: () => undefined,
      laneAnswer: () => {},
      undelivered: (messages) => void heard.push(`undelivered ${messages.length}`),
      report: ({ code }) => void heard.push(code),
    },
  });
  return { node: made, heard, got };
}

(natsServer === undefined ? describe.skip : describe)('nodes on different machines', () => {
  it('a connection that is away for a while - loses nothing; where both are, the node is dead', async () => {
    const nats = await Nats.start();
    const [first, second] = [await Cut.open(nats.port), await Cut.open(nats.port)];
    const a = distant('a', 1, [nats.port]);
    const b = distant('b', 2, [first.port, second.port]);
    for (const { node } of [a, b]) await node.start();
    await Promise.all([a.node.ready, b.node.ready]);
    await until(() => a.heard.includes('b up: it joined'));
    const { client } = a.node.bus.with('b');
    await client.send('first', { confirm: true });
    // As long as those who have just come are given more time.
    await sleep(1_100);
    first.off();
    for (let number = 0; number < 20; number++) await client.send(number);
    const asked = a.node.lookout.during('b', client.request('still there?'));
    await sleep(300);
    expect(a.heard.filter((heard) => heard.includes('dead'))).to.deep.equal([]);
    first.on();
    expect(await asked).to.equal('still there?');
    expect(b.got).to.deep.equal(['first', ...Array(20).keys()]);
    await sleep(1_100);
    const lost = a.node.lookout.during('b', client.request('and now?')).then(
      () => 'answered',
      () => 'rejected',
    );
    first.off();
    second.off();
    await until(() => a.heard.includes('b dead: nobody listens there'));
    expect(await lost).to.be.oneOf(['answered', 'rejected']);
    for (const { node } of [a, b]) await node.close();
    await Promise.all([first.close(), second.close()]);
    await nats.kill();
  });
});
