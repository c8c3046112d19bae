import { expect } from 'chai';
import { it } from 'mocha';
import { type Client, type Connection, definePlugin, type Lane, type PluginHost } from '../../lib/index.ts';
import { contract, dialects, json, native, next, sleep, turn, until } from '../support/buses.ts';

type Words = unknown[];

/** A plugin that notes what is said on its lane in `words`. */
function listening(words: Words) {
  const install = (host: PluginHost) => ({
    api: host.lane({
      message: (data) => void words.push(data),
      request: (data) => `${String(data)} answered`,
    }),
  });
  return definePlugin<Lane, Lane>({ name: 'talk', server: install, client: install });
}

async function read(peer: Client | Connection, words: Words): Promise<void> {
  for await (const word of peer.messages()) words.push(word);
}

interface Emitter {
  on(event: 'message', listener: (word: unknown) => unknown): unknown;
}

/** How somebody begins to listen. */
const ears: Readonly<Record<string, (to: { on: Emitter; peer: Client | Connection }, words: Words) => void>> = {
  'a listener': ({ on }, words) => void on.on('message', (word) => words.push(word)),
  'a messages() loop': ({ peer }, words) => void read(peer, words),
};

/** Lets the loop turn a few times, and the timers of some milliseconds run. */
async function aWhile(): Promise<void> {
  await sleep(20);
  await turn();
}

contract(
  'first words',
  (bus, { tier }) => {
    for (const [name, listen] of Object.entries(ears)) {
      it(`of a server - are heard by ${name} of the line after connect()`, async () => {
        const server = await bus().server();
        server.on('connect', (connection) => {
          for (const word of ['hello', 'state']) void connection.send(word);
        });
        const words: Words = [];
        const client = await bus().client();
        listen({ on: client, peer: client }, words);
        await until(() => words.length === 2, `two words, of which came ${String(words)}`);
        expect(words).to.deep.equal(['hello', 'state']);
      });

      it(`of a client - are heard by ${name} of a connect listener that waited for something first`, async () => {
        const server = await bus().server();
        const words: Words = [];
        server.on('connect', async (connection) => {
          await aWhile();
          expect(words).to.deep.equal([]);
          listen({ on: server, peer: connection }, words);
        });
        const client = await bus().client();
        for (const word of [1, 2, 3]) void client.send(word);
        await until(() => words.length === 3, `three words, of which came ${String(words)}`);
        expect(words).to.deep.equal([1, 2, 3]);
      });
    }

    it('requests - are answered by handlers that are set after connect(), and after an await in a connect listener', async () => {
      const server = await bus().server();
      let asked: unknown;
      server.on('connect', async (connection) => {
        asked = await connection.request('who are you?');
        await aWhile();
        server.handle((question) => `${String(question)} answered`);
      });
      const client = await bus().client();
      client.handle(() => 'ann');
      expect(await client.request('question')).to.equal('question answered');
      expect(asked).to.equal('ann');
    });

    it('are heard once all connect listeners are done, the slowest too', async () => {
      const server = await bus().server();
      const words: Words = [];
      server.on('connect', () => {});
      server.on('connect', async () => {
        await aWhile();
        server.on('message', (word) => words.push(word));
      });
      server.on('connect', async () => {
        await turn();
        throw new Error('no');
      });
      const client = await bus().client();
      await client.send('word');
      await until(() => words.length === 1);
      expect(bus().takeErrors()).to.deep.equal(['ERR_LISTENER']);
    });

    it('a connect listener that reads them itself, or is never done, ends the wait', async () => {
      const server = await bus().server({ handshakeTimeoutMs: 1_000 });
      const words: Words = [];
      server.once('connect', async (connection) => read(connection, words));
      const reader = await bus().client();
      await reader.send('read');
      await until(() => words.length === 1);
      expect(bus().errors).to.deep.equal([]);

      const late = next(server, 'error');
      server.once('connect', () => new Promise(() => {}));
      server.on('error', () => words.push('late'));
      server.on('message', (word) => words.push(word));
      const client = await bus().client();
      await client.send('in the end');
      const [error, connection] = await late;
      expect(error).to.include({ code: 'ERR_TIMEOUT' });
      expect(connection).to.equal(server.connection(client.id!));
      await until(() => words.length === 3);
      expect(words).to.deep.equal(['read', 'late', 'in the end']);
      expect(bus().takeErrors()).to.deep.equal(['ERR_TIMEOUT']);
    });

    it('of a client that closes at once - are heard before it is gone', async () => {
      const server = await bus().server();
      const heard: Words = [];
      server.on('connect', async (connection) => {
        await aWhile();
        expect(server.connections).to.deep.equal([connection]);
        server.on('message', (word) => heard.push(word));
        server.on('disconnect', () => heard.push('gone'));
      });
      const client = await bus().client();
      for (const word of [1, 2, 3]) void client.send(word);
      await client.close();
      await until(() => heard.length === 4, `three words and the end, of which came ${String(heard)}`);
      expect(heard).to.deep.equal([1, 2, 3, 'gone']);
    });

    it('of a server that closes at once - are heard before it is gone', async () => {
      const server = await bus().server();
      server.on('connect', (connection) => {
        void connection.send('hello');
        void connection.close('bye');
      });
      const heard: Words = [];
      const client = await bus().client({ reconnect: false });
      client.on('message', (word) => heard.push(word));
      client.on('close', (reason) => heard.push(['close', reason]));
      await until(() => heard.length === 2, `a word and the end, of which came ${JSON.stringify(heard)}`);
      expect(heard).to.deep.equal(['hello', ['close', 'bye']]);
    });

    it('of the next session - are heard by a listener that `ready` sets, as the first ones are', async () => {
      const server = await bus().server();
      server.on('connect', (connection) => void connection.send('hello'));
      const client = await bus().client();
      const words: Words = [];
      client.on('ready', () => void client.once('message', (word) => words.push(word)));
      for (const word of ['first', 'second']) {
        words.length = 0;
        server.connections[0]?.destroy(word);
        await until(() => words.length === 1, `the word of the ${word} session after this one`);
        expect(words).to.deep.equal(['hello']);
      }
    });

    it('a pause() of the server - holds them on, and a loop that begins later still hears them', async () => {
      const server = await bus().server();
      server.pause();
      const words: Words = [];
      server.on('connect', async (connection) => {
        await turn();
        void read(connection, words);
      });
      const client = await bus().client();
      await client.send('word');
      await aWhile();
      expect(words).to.deep.equal([]);
      server.resume();
      await until(() => words.length === 1);
    });

    if (tier !== 'session') return;

    it('of plugins’ lanes - wait as the user’s do', async () => {
      const server = await bus().server();
      const [up, down]: [Words, Words] = [[], []];
      const lane = server.use(listening(up));
      server.on('connect', async (connection) => {
        void lane.send(connection, 'hello');
        expect(await lane.request(connection, 'question')).to.equal('question answered');
        await aWhile();
        expect(up).to.deep.equal([]);
        up.push('connected');
      });
      const client = await bus().client();
      const answers = client.use(listening(down));
      void answers.send(client, 'hi');
      const answer = answers.request(client, 'other question');
      void client.send('nobody listens to this');
      await until(() => down.length === 1 && up.length === 2);
      expect(down).to.deep.equal(['hello']);
      expect(up).to.deep.equal(['connected', 'hi']);
      expect(await answer).to.equal('other question answered');
    });

    it('of a link that breaks meanwhile - are heard once, in order, over the next one', async () => {
      const server = await bus().server();
      const words: Words = [];
      server.on('connect', async (connection) => {
        await until(() => connection.conversation.session!.received >= 2);
        const back = next(client, 'session');
        bus().cut(connection);
        await back;
        await until(() => connection.conversation.session!.received >= 3);
        server.on('message', (word) => words.push(word));
      });
      const client = await bus().client();
      for (const word of [1, 2]) void client.send(word);
      await next(client, 'session');
      void client.send(3);
      await until(() => words.length === 3, `three words, of which came ${String(words)}`);
      expect(words).to.deep.equal([1, 2, 3]);
    });
  },
  { on: ['memory', 'unix', 'tls'] },
);

contract(
  'first words of many bytes',
  (bus) => {
    it('are limited by what their sender may have under way, and by what is held here', async () => {
      const server = await bus().server({ maxUnackedBytes: 65_536 });
      let sum = 0;
      const connected = next(server, 'connect');
      let welcome = (): void => {};
      server.on('connect', () => new Promise<void>((resolve) => (welcome = resolve)));
      server.on('message', (text: string) => {
        sum += text.length;
      });
      const client = await bus().client();
      const [connection] = (await connected) as [Connection];
      const all = Array.from({ length: 400 }, () => client.send('x'.repeat(4_000)));
      await sleep(50);
      expect(sum).to.equal(0);
      if (connection.delivery === 'session') {
        expect(connection.conversation.session!.received * 4_000).to.be.lessThan(1_000_000);
      }
      welcome();
      await Promise.all(all);
      await until(() => sum === 1_600_000, `all bytes, of which came ${sum}`);
    });
  },
  { on: ['unix'], speaking: [native, json] },
);

contract(
  'first words of a client that is gone',
  (bus) => {
    it('requests of the connect listener - do not wait for the end of the wait', async () => {
      const server = await bus().server();
      let code: unknown;
      server.on('connect', async (connection) => {
        code = await connection.request('who are you?').catch((error: { code: string }) => error.code);
      });
      const client = await bus().client({ reconnect: false });
      client.handle(() => new Promise(() => {}));
      await client.send('word');
      await turn();
      const gone = next(server, 'disconnect');
      client.destroy();
      await until(() => code !== undefined);
      expect(code).to.be.oneOf(['ERR_CLOSED', 'ERR_SESSION_LOST']);
      await gone;
    });
  },
  { on: ['memory', 'unix'], speaking: dialects.filter(({ name }) => !name.includes('deflate')) },
);

contract(
  'first words of a client that is lost',
  (bus) => {
    it('are heard, and then that it is gone', async () => {
      const server = await bus().server({ sessionGraceMs: 0 });
      const heard: Words = [];
      server.on('connect', async (connection) => {
        await until(() => connection.conversation.session!.hasUnheard);
        bus().cut(connection);
        await until(() => connection.connection === undefined && !connection.attached);
        await aWhile();
        server.on('message', (word) => heard.push(word));
        server.on('disconnect', () => heard.push('gone'));
      });
      const client = await bus().client({ reconnect: false });
      for (const word of [1, 2, 3]) void client.send(word);
      await until(() => heard.length === 4, `three words and the end, of which came ${String(heard)}`);
      expect(heard).to.deep.equal([1, 2, 3, 'gone']);
      expect(bus().takeErrors()).to.have.lengthOf.at.most(1);
    });
  },
  { on: ['memory', 'unix', 'tcp'], speaking: [native, json] },
);
