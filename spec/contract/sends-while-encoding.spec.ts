import { expect } from 'chai';
import { it } from 'mocha';
import type { BusError, Client, Connection, Server } from '../../lib/index.ts';
import { contract, until } from '../support/buses.ts';

interface Ends {
  readonly server: Server;
  readonly client: Client;
  readonly connection: Connection;
}

/** What data may do as it is asked for what travels of it. */
const doings: Readonly<Record<string, (ends: Ends) => unknown>> = {
  'sends a text': ({ client }) => client.send('inside'),
  'sends nothing': ({ client }) => client.send(undefined),
  'sends bytes': ({ client }) => client.send(Buffer.alloc(100, 'i')),
  'sends many bytes': ({ client }) => client.send(Buffer.alloc(100_000, 'i')),
  'asks for confirmation': ({ client }) => client.send(Buffer.alloc(100, 'i'), { confirm: true }),
  'asks with bytes': ({ client }) => client.request(Buffer.alloc(100, 'i')),
  'gives a question up': ({ client }) => {
    const given = new AbortController();
    const asked = client.request(undefined, { signal: given.signal });
    given.abort();
    return asked;
  },
  pings: ({ client }) => client.ping(),
  'pauses and resumes': ({ client }) => {
    client.pause();
    client.resume();
  },
  'is told by the other end': ({ connection }) => connection.send(Buffer.alloc(100, 'i')),
  'is told by a broadcast': ({ server }) => server.broadcast(Buffer.alloc(100, 'i')),
};

contract(
  'data that does something while it is encoded',
  (bus) => {
    for (const [name, act] of Object.entries(doings)) {
      it(`${name} - breaks nothing: what is around it and what follows arrive whole`, async () => {
        const server = await bus().newServer().start();
        const client = await bus().newClient().connect();
        await until(() => server.connections.length === 1);
        const ends = { server, client, connection: server.connections[0]! };
        const heard: unknown[] = [];
        const links: boolean[] = [];
        server.on('message', (data) => heard.push(data)).on('link', (_, up) => links.push(up));
        server.handle(() => 'answered');
        client.on('message', () => {});
        const codes: unknown[] = [];
        // Of what is told to all.
        server.on('error', ({ code }) => codes.push(code));
        class Acts {
          toJSON(): object {
            try {
              const done = act(ends);
              if (done instanceof Promise) done.catch(({ code }: BusError) => codes.push(code));
            } catch (error) {
              codes.push((error as BusError).code);
            }
            return { filled: 'f'.repeat(50) };
          }
        }
        for (let round = 0; round < 3; round += 1) {
          await client.send({ before: 'b'.repeat(50), acts: new Acts(), after: round });
          await client.send(`then ${round}`);
        }
        await until(() => heard.includes('then 2'));
        const around = heard.filter((data) => typeof data === 'object' && data !== null && 'after' in data);
        expect(around).to.deep.equal(
          [0, 1, 2].map((after) => ({ before: 'b'.repeat(50), acts: { filled: 'f'.repeat(50) }, after })),
        );
        expect(links).to.deep.equal([]);
        const expected = [
          'ERR_STATE',
          'ERR_ABORTED',
          ...(client.delivery === 'legacy' ? ['ERR_PEER_LACKS_FEATURE'] : []),
        ];
        for (const code of codes) expect(code).to.be.oneOf(expected);
        bus().takeErrors();
      });
    }
  },
  { on: ['memory', 'unix'] },
);
