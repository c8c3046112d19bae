import { expect } from 'chai';
import { it } from 'mocha';
import { contract, json, native, next } from '../support/buses.ts';
import { stopwatch } from '../support/stopwatch.ts';

contract(
  'heartbeat',
  (bus, dialect) => {
    const beat = { heartbeatIntervalMs: 60, heartbeatTimeoutMs: 60 };

    it('finds a half-open link from both ends within two beats', async () => {
      const { server, client, connection } = await bus().pair(
        { ...beat, sessionGraceMs: 30 },
        { ...beat, reconnect: false },
      );
      const elapsedMs = stopwatch();
      const noticed = async (what: Promise<unknown>): Promise<number> => {
        await what;
        return elapsedMs();
      };
      const both = Promise.all([noticed(next(client, 'close')), noticed(next(server, 'disconnect'))]);
      for (const pair of bus().faults.pairs) pair.blackHole();
      const [clientMs, serverMs] = await both;
      expect(clientMs).to.be.below(300);
      expect(serverMs).to.be.below(400);
      expect(server.connection(connection.id)).to.equal(undefined);
      bus().takeErrors();
    });

    it('leaves an idle link open for as long as the peer answers', async () => {
      const calm = { heartbeatIntervalMs: 200, heartbeatTimeoutMs: 800 };
      const { server, client } = await bus().pair(calm, calm);
      const statuses: number[] = [];
      client.on('status', (status) => statuses.push(status));
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      expect(statuses).to.deep.equal([]);
      expect(server.connections).to.have.length(1);
      expect(await client.ping()).to.be.a('number');
      expect(client.delivery).to.equal(dialect.tier);
    });
  },
  { on: ['memory'], speaking: [native, json] },
);
