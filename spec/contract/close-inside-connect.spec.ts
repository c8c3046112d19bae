import { expect } from 'chai';
import { it } from 'mocha';
import type { Client, Connection, Server } from '../../lib/index.ts';
import { contract, dialects, rejected, until } from '../support/buses.ts';

/** Every dialect and codec once. */
const enough = dialects.filter(({ name }) => name !== 'net-ipc MessagePack' && name !== 'net-ipc JSON, deflate');

const ways: Readonly<Record<string, (connection: Connection, server: Server) => unknown>> = {
  'connection.close(reason)': (connection) => connection.close('ACCESS DENIED'),
  'connection.close(reason) after an await': async (connection) => {
    await Promise.resolve();
    await connection.close('ACCESS DENIED');
  },
  'connection.close(reason) after a message': (connection) => {
    void connection.send('first');
    return connection.close('ACCESS DENIED');
  },
  'connection.destroy(reason)': (connection) => void connection.destroy('ACCESS DENIED'),
  'server.close()': (_, server) => server.close(),
};

/** What a client went through, in order. */
function story(client: Client): unknown[] {
  const heard: unknown[] = [];
  client.on('ready', ({ id }) => heard.push(`ready ${typeof id}`));
  client.on('message', (message) => heard.push(`message ${message}`));
  client.on('close', (reason) => heard.push(`close ${reason}`));
  return heard;
}

contract(
  'closing inside connect',
  (bus) => {
    for (const [way, leave] of Object.entries(ways)) {
      it(`${way} - connect() resolves, the client was ready, and then it is closed, with the reason`, async () => {
        for (let run = 0; run < 5; run++) {
          const server = await bus().server();
          let gone: unknown;
          server.on('connect', (connection) => leave(connection, server));
          server.on('disconnect', (_, reason) => (gone = reason));
          const client = bus().newClient({ reconnect: false });
          const heard = story(client);
          await client.connect().then(() => heard.push('connected'));
          const asked = rejected(client.request('anybody?'));
          await until(() => heard.some((each) => String(each).startsWith('close')));
          const reason = way.startsWith('server') ? 'Server was shut down' : 'ACCESS DENIED';
          const said = way.endsWith('message') ? ['message first'] : [];
          expect(heard).to.deep.equal(['ready string', 'connected', ...said, `close ${reason}`]);
          expect((await asked).code).to.match(/^ERR_(?:CLOSED|NO_HANDLER|SESSION_LOST)$/);
          await until(() => server.connections.length === 0);
          expect([client.status, gone]).to.deep.equal([0, reason]);
          await server.close();
        }
      });
    }

    it('connection.close(reason, true) - the client comes back, and its connect() has resolved', async () => {
      const server = await bus().server();
      let connections = 0;
      server.on('connect', (connection) => {
        connections += 1;
        if (connections < 3) void connection.close('again', true);
      });
      const client = bus().newClient();
      const heard = story(client);
      await client.connect().then(() => heard.push('connected'));
      await until(() => connections === 3 && client.status === 3);
      expect(heard).to.deep.equal(['ready string', 'connected', 'ready string', 'ready string']);
      server.handle(() => 'here');
      expect(await client.request('there?')).to.equal('here');
    });
  },
  { speaking: enough },
);
