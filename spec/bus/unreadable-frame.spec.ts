import { expect } from 'chai';
import { it } from 'mocha';
import { contract, native, next, rejected } from '../support/buses.ts';

/** Larger than what is read unchecked, and deeper than a peer takes that has no limit of its own given. */
function tooDeep(): unknown {
  let data: unknown = 'x'.repeat(5_000);
  for (let depth = 0; depth < 100; depth++) data = [data];
  return data;
}

contract(
  'a frame that cannot be read',
  (bus) => {
    it('to the server - ends the session instead of breaking its links for ever', async () => {
      const { server, client, connection } = await bus().pair({}, { maxDepth: 1_000 });
      server.handle((question) => question);
      const over = next(server, 'disconnect');
      const undelivered = next(client, 'undelivered');
      const confirmed = rejected(client.send(tooDeep(), { confirm: true }));
      await client.send('behind it');
      expect((await confirmed).code).to.equal('ERR_SESSION_LOST');
      expect((await undelivered)[0]).to.deep.equal([{ data: 'behind it' }]);
      expect((await over)[0]).to.equal(connection);
      expect(await client.request('well again')).to.equal('well again');
      expect(bus().takeErrors()).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
    });

    it('to a client - ends the session likewise, and the client comes back', async () => {
      const { server, client, connection } = await bus().pair({ maxDepth: 1_000 });
      client.handle((question) => question);
      const confirmed = rejected(connection.send(tooDeep(), { confirm: true }));
      const [again] = await next(server, 'connect');
      expect((await confirmed).code).to.equal('ERR_SESSION_LOST');
      expect(server.connections).to.deep.equal([again]);
      expect(await server.connections[0]?.request('well again')).to.equal('well again');
      expect(bus().takeErrors()).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
    });
  },
  { on: ['memory', 'unix', 'tcp'], speaking: [native] },
);
