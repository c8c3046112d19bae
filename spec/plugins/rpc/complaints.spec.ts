import { expect } from 'chai';
import { it } from 'mocha';
import { definePlugin, type Lane } from '../../../lib/bus/plugin.ts';
import { remote } from '../../../lib/plugins/rpc/index.ts';
import { contract, native, until } from '../../support/buses.ts';

/** Speaks on the lane of remote calls as no correct peer does. */
const impostor = definePlugin<Lane, Lane>({
  name: 'rpc',
  server: (host) => ({ api: host.lane({ message: () => undefined }) }),
  client: (host) => ({ api: host.lane({ message: () => undefined }) }),
});
const floods: Record<string, unknown> = {
  ERR_PROTOCOL: ['no', 'frame'],
  ERR_NO_METHOD: [1, [0, 'missing', null]],
};
const messages = 500;

contract(
  'a flood of faults on the lane of a plugin',
  (bus) => {
    for (const end of ['server', 'client'] as const) {
      it(`is reported ten times a second at most - to the ${end}`, async () => {
        const { server, client, connection } = await bus().pair();
        const victim = end === 'server' ? server : client;
        remote(victim, { method: () => undefined });
        const lane: Lane = end === 'server' ? client.use(impostor) : server.use(impostor);
        const peer = end === 'server' ? client : connection;
        for (const [code, fault] of Object.entries(floods)) {
          const started = performance.now();
          for (let at = 0; at < messages; at++) void lane.send(peer, fault);
          await lane.send(peer, fault);
          await until(() => bus().errors.length > 0);
          await client.flush();
          await connection.flush();
          const seconds = Math.ceil((performance.now() - started) / 1_000);
          expect(bus().errors.map((error) => error.code)).to.deep.equal(bus().errors.map(() => code));
          expect(bus().takeErrors()).to.have.length.within(1, 10 * (seconds + 1));
        }
      });
    }
  },
  { speaking: [native] },
);
