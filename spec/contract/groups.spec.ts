import { expect } from 'chai';
import { it } from 'mocha';
import { type BusError, Client, type Connection, Server } from '../../lib/index.ts';
import { contract, native, next, rejected, until } from '../support/buses.ts';

type Bus = Parameters<Parameters<typeof contract>[1]>[0];

interface Member {
  readonly client: Client;
  readonly connection: Connection;
  readonly heard: unknown[];
}

/** A server with so many clients, each of which writes down what it hears and answers with its place. */
async function gathered(bus: ReturnType<Bus>, count: number): Promise<{ server: Server; members: Member[] }> {
  const server = await bus.server();
  const members: Member[] = [];
  for (let place = 0; place < count; place++) {
    const client = await bus.client();
    const heard: unknown[] = [];
    client.on('message', (message) => heard.push(message));
    client.handle((question) => [question, place]);
    members.push({ client, connection: server.connection(client.id ?? '')!, heard });
  }
  return { server, members };
}

const codeOf = (task: () => unknown): string => {
  try {
    task();
  } catch (error) {
    return (error as BusError).code;
  }
  return 'none';
};

contract('groups', (bus) => {
  it('are joined and left, in the order in which that was done', async () => {
    const { server, members } = await gathered(bus(), 3);
    const [a, b, c] = members.map(({ connection }) => connection) as [Connection, Connection, Connection];
    const red = server.group('red');
    expect([red.name, red.size, red.connections]).to.deep.equal(['red', 0, []]);
    c.join('red');
    a.join('red');
    a.join('red');
    a.join('blue');
    expect([red.size, a.groups, b.groups, c.groups]).to.deep.equal([2, ['red', 'blue'], [], ['red']]);
    expect(red.connections).to.deep.equal([c, a]);
    expect([a.leave('red'), a.leave('red'), b.leave('red'), b.leave('green')]).to.deep.equal([
      true,
      false,
      false,
      false,
    ]);
    expect([red.connections, a.groups]).to.deep.equal([[c], ['blue']]);
  });

  it('are told and asked, less those who are excepted', async () => {
    const { server, members } = await gathered(bus(), 4);
    const [a, b, c, d] = members as [Member, Member, Member, Member];
    for (const { connection } of [a, b, c]) connection.join('red');
    for (const { connection } of [c, d]) connection.join('blue');
    const red = server.group('red');
    await red.broadcast('1 red');
    await red.broadcast('2 red but a', { except: a.connection });
    await server.broadcast('3 red or blue', { to: ['red', 'blue'] });
    await server.broadcast('4 a and blue', { to: [a.connection, 'blue', d.connection] });
    await server.broadcast('5 all but red', { except: 'red' });
    await server.broadcast('6 red but blue and b', { to: 'red', except: ['blue', b.connection] });
    await server.broadcast('7 nobody', { to: 'green' });
    await server.broadcast('7 nobody', { to: [] });
    await server.broadcast('8 all', { except: 'green' });
    await until(() => members.every(({ heard }) => heard.includes('8 all')));
    const numbers = members.map(({ heard }) => heard.map((text) => Number.parseInt(String(text), 10)));
    expect(numbers).to.deep.equal([
      [1, 3, 4, 6, 8],
      [1, 2, 3, 8],
      [1, 2, 3, 4, 8],
      [3, 4, 5, 8],
    ]);

    const places = (results: readonly { readonly value?: unknown }[]): unknown[] => results.map(({ value }) => value);
    expect(places(await red.survey('?'))).to.deep.equal([
      ['?', 0],
      ['?', 1],
      ['?', 2],
    ]);
    expect(places(await red.survey('?', { except: b.connection, timeout: 5_000 }))).to.deep.equal([
      ['?', 0],
      ['?', 2],
    ]);
    expect(places(await server.survey('?', { to: ['blue', a.connection] }))).to.deep.equal([
      ['?', 2],
      ['?', 3],
      ['?', 0],
    ]);
    expect(await server.group('green').survey('?', 5_000)).to.deep.equal([]);
    expect((await server.ping('!', { to: 'blue' })).map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'fulfilled',
    ]);
    const streamed: unknown[] = [];
    for await (const { peer } of server.group('blue').surveyStream('?', { except: d.connection })) streamed.push(peer);
    expect(streamed).to.deep.equal([c.connection]);
  });

  it('are left by a client whose session is over, before listeners hear of that', async () => {
    const { server, members } = await gathered(bus(), 2);
    const [a, b] = members as [Member, Member];
    for (const { connection } of members) connection.join('red');
    const seen: unknown[] = [];
    server.on('disconnect', (connection) => seen.push(connection.groups, server.group('red').connections));
    const over = next(server, 'disconnect');
    await a.client.close();
    await over;
    expect(seen).to.deep.equal([[], [b.connection]]);
    expect(codeOf(() => a.connection.join('red'))).to.equal('ERR_CLOSED');
    expect(a.connection.leave('red')).to.equal(false);
    await server.broadcast('still', { to: [a.connection, 'red'] });
    await until(() => b.heard.length === 1);
    expect(a.heard).to.deep.equal([]);
  });

  it('can be joined in a connect listener, and are told from there on', async () => {
    const server = await bus().server();
    server.on('connect', (connection) => {
      connection.join('all');
      void server.group('all').broadcast(`welcome ${connection.id}`);
    });
    const client = await bus().client();
    const [welcome] = await next(client, 'message');
    expect(welcome).to.equal(`welcome ${client.id}`);
  });

  it('refuse names and members that are none, and too many', async () => {
    const { server, members } = await gathered(bus(), 1);
    const [{ connection }] = members as [Member];
    const elsewhere = await new Server({ url: 'memory:elsewhere' }).start();
    const guest = await new Client({ url: 'memory:elsewhere' }).connect();
    const [other] = elsewhere.connections;
    for (const name of ['', 'x'.repeat(257), 'ä'.repeat(129), 5, undefined, null, {}] as string[]) {
      expect(
        codeOf(() => connection.join(name)),
        String(name),
      ).to.equal('ERR_INVALID_ARGUMENT');
      expect(
        codeOf(() => connection.leave(name)),
        String(name),
      ).to.equal('ERR_INVALID_ARGUMENT');
      expect(
        codeOf(() => server.group(name)),
        String(name),
      ).to.equal('ERR_INVALID_ARGUMENT');
      if (name === undefined) continue;
      for (const settings of [{ to: name }, { except: name }, { to: ['x', name] }, { to: 'x', except: [name] }]) {
        expect((await rejected(server.broadcast('?', settings))).code).to.equal('ERR_INVALID_ARGUMENT');
        expect((await rejected(server.survey('?', settings))).code).to.equal('ERR_INVALID_ARGUMENT');
      }
    }
    for (const settings of [{ to: other }, { except: [other] }, { too: 'x' }, 5, null]) {
      const given = settings as { to: string };
      expect((await rejected(server.broadcast('?', given))).code, JSON.stringify(settings)).to.equal(
        'ERR_INVALID_ARGUMENT',
      );
    }
    await guest.close();
    await elsewhere.close();
    for (const name of ['x'.repeat(256), 'ä'.repeat(128), '__proto__', 'constructor']) {
      expect(server.group(name).size).to.equal(0);
      connection.join(name);
      expect(server.group(name).connections).to.deep.equal([connection]);
    }
    for (let number = connection.groups.length; number < 1_000; number++) connection.join(`group ${number}`);
    expect(codeOf(() => connection.join('one more'))).to.equal('ERR_STATE');
    connection.join('group 500');
    connection.leave('group 500');
    connection.join('one more');
    expect(connection.groups.length).to.equal(1_000);
  });

  it('are told what has shapes that come and go, also members who were away, who came later and who missed some', async () => {
    const { server, members } = await gathered(bus(), 3);
    const [a, b, c] = members as [Member, Member, Member];
    const expected: unknown[][] = [[], [], []];
    const tell = (data: object, to: readonly number[]): void => {
      const connections = to.map((place) => server.connection(members[place]?.client.id ?? '')!);
      void server.broadcast(data, { to: connections });
      for (const place of to) expected[place]?.push(data);
    };
    for (let n = 0; n < 100; n++) {
      tell({ [`shape ${n % 7}`]: { n }, list: [{ [`inner ${n}`]: n }] }, [0, 1, 2].slice(n % 3));
      if (n === 50 && a.client.delivery === 'session') bus().cut(a.connection);
    }
    for (const [place, { heard }] of [a, b, c].entries()) {
      await until(() => heard.length >= (expected[place]?.length ?? 0));
      expect(heard).to.deep.equal(expected[place]);
    }
  });
});

contract(
  'groups and sessions',
  (bus) => {
    it('are still joined in a session that resumes, and not in the next one', async () => {
      const { server, client, connection } = await bus().pair({ sessionGraceMs: 60_000 });
      connection.join('red');
      const heard: unknown[] = [];
      client.on('message', (message) => heard.push(message));
      for (let cut = 0; cut < 3; cut++) {
        const back = next(client, 'session');
        client.connection?.destroy();
        await server.broadcast(cut, { to: 'red' });
        expect(await back).to.deep.equal([{ outcome: 'resumed', id: client.id }]);
      }
      await until(() => heard.length === 3);
      expect([heard, connection.groups]).to.deep.equal([[0, 1, 2], ['red']]);
      const again = next(server, 'connect');
      connection.destroy();
      const [fresh] = (await again) as [Connection];
      expect([fresh.groups, server.group('red').size]).to.deep.equal([[], 0]);
      bus().takeErrors();
    });
  },
  { on: ['unix', 'tcp', 'tls'], speaking: [native] },
);
