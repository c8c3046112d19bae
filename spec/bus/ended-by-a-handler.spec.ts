import { expect } from 'chai';
import { contract, native, json, next, until } from '../support/buses.ts';
import { it } from 'mocha';

contract(
  'a handler that ends the conversation',
  (bus) => {
    it('server - hears of nothing after it, whatever came in one piece', async () => {
      const { server, client } = await bus().pair({}, { reconnect: false });
      const taken: unknown[] = [];
      server.on('message', (data, connection) => {
        taken.push(data);
        if (data === 3) connection.destroy();
      });
      const closed = next(client, 'close');
      for (let number = 0; number < 10; number++) client.send(number).catch(() => {});
      await closed;
      expect(taken).to.deep.equal([0, 1, 2, 3]);
    });

    it('client - hears of nothing after it, whatever came in one piece', async () => {
      const { server, client, connection } = await bus().pair();
      const taken: unknown[] = [];
      client.on('message', (data) => {
        taken.push(data);
        if (data === 3) client.destroy();
      });
      const gone = next(server, 'disconnect');
      for (let number = 0; number < 10; number++) connection.send(number).catch(() => {});
      await gone;
      await until(() => taken.length >= 4);
      expect(taken).to.deep.equal([0, 1, 2, 3]);
    });
  },
  { on: ['memory', 'unix'], speaking: [native, json] },
);
