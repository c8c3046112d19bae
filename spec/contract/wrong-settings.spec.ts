import { expect } from 'chai';
import { it } from 'mocha';
import { definePlugin } from '../../lib/index.ts';
import { contract, dialects, json, native, rejected } from '../support/buses.ts';

const circular: Record<string, unknown> = { name: 'loop' };
circular['self'] = { deep: [circular] };

/** Deeper than the stack. */
const bottomless = Array.from({ length: 50_000 }).reduce<unknown>((inner) => [inner], 0);

const ask = ['{ timeout, signal }'];
const request = ['{ timeout, signal, idempotent }'];

contract(
  'settings that there are not',
  (bus) => {
    it('are refused by name, with all that there are', async () => {
      const { server, client, connection } = await bus().pair();
      const fresh = bus().newClient();
      const audience = ['{ timeout, signal, to, except }'];
      const wrong = { timout: 5 } as never;
      const calls: readonly (readonly [string, () => unknown, readonly string[]])[] = [
        ['client.request', () => client.request(1, wrong), request],
        ['client.ping', () => client.ping(1, wrong), ask],
        ['client.connect', () => fresh.connect(1, wrong), ask],
        ['client.send', () => client.send(1, wrong), ['confirm', 'timeout', 'signal', 'not "timout"']],
        ['connection.request', () => connection.request(1, wrong), ask],
        ['connection.ping', () => connection.ping(1, wrong), ask],
        ['connection.send', () => connection.send(1, wrong), ['confirm', 'timeout', 'signal', 'not "timout"']],
        ['server.survey', () => server.survey(1, wrong), audience],
        ['server.ping', () => server.ping(1, wrong), audience],
        ['server.broadcast', () => server.broadcast(1, wrong), ['{ to, except }']],
        [
          'server.surveyStream',
          () => server.surveyStream(1, wrong).next(),
          ['timeout', 'signal', 'to', 'except', 'quorum', 'first'],
        ],
        ['server.start', () => server.start(wrong), ['takeover']],
      ];
      for (const [name, call, known] of calls) {
        const { code, message } = await rejected((async () => call())());
        expect([name, code]).to.deep.equal([name, 'ERR_INVALID_ARGUMENT']);
        for (const setting of known) expect(message, name).to.contain(setting);
        for (const given of [null, 'x', true] as never[]) {
          expect((await rejected(client.request(1, given))).message).to.match(/\{ timeout, signal, idempotent \}$/);
          expect((await rejected(connection.ping(1, given))).message).to.match(/\{ timeout, signal \}$/);
        }
      }
      for (const given of [1, 'yes', null, {}] as never[]) {
        for (const call of [
          client.send(1, { confirm: given }),
          connection.send(1, { confirm: given, timeout: 5 }),
          client.request(1, { idempotent: given }),
        ]) {
          expect((await rejected(call)).message).to.match(/^(confirm|idempotent) must be true or false$/);
        }
      }
    });

    it('are refused where a setting of another call does nothing', async () => {
      const { server, client, connection } = await bus().pair();
      const idempotent = { idempotent: true } as never;
      for (const call of [
        connection.request(1, idempotent),
        connection.ping(1, idempotent),
        client.ping(1, idempotent),
        bus().newClient().connect(1, idempotent),
      ]) {
        expect((await rejected(call)).message).to.match(/\{ timeout, signal \}, not "idempotent"$/);
      }
      const { message } = await rejected(server.survey(1, idempotent));
      expect(message).to.match(/\{ timeout, signal, to, except \}, not "idempotent"$/);
    });
  },
  { on: ['memory'], speaking: [native, json] },
);

contract(
  'settings of lanes that there are not',
  (bus) => {
    it('are refused by name, with all that there are', async () => {
      const { server, client } = await bus().pair();
      const plugin = definePlugin({
        name: 'lane',
        server: (host) => ({ api: host.lane({ request: () => 1 }) }),
        client: (host) => ({ api: host.lane({ request: () => 1 }) }),
      });
      server.use(plugin);
      const lane = client.use(plugin);
      const { message } = await rejected(lane.request(client, 1, { timout: 5 } as never));
      expect(message).to.match(/\{ timeout, signal, withdrawal, unclaimed \}, not "timout"$/);
    });
  },
  { on: ['memory'], speaking: [native] },
);

contract(
  'data that is circular',
  (bus) => {
    it('is called so, wherever it is given, and not by the end of the stack', async () => {
      const { server, client, connection } = await bus().pair();
      const texts = [
        (await rejected(client.send(circular))).message,
        (await rejected(connection.send(circular))).message,
        (await rejected(client.request(circular))).message,
        (await rejected(connection.request(circular))).message,
        (await rejected(client.ping(circular))).message,
        (await rejected(bus().newClient().connect(circular))).message,
        (await rejected(bus().newClient().connect(bottomless))).message,
        (await rejected(client.send(bottomless))).message,
      ];
      server.handle(() => circular);
      texts.push((await rejected(client.request(1))).message);
      server.handle(undefined);
      server.on('request', (_, respond) => void respond(circular).catch((error: Error) => texts.push(error.message)));
      texts.push((await rejected(client.request(1))).message);
      await server.broadcast(circular);
      texts.push(...bus().errors.map(({ message }) => message));
      bus().takeErrors();
      expect(texts.length).to.be.at.least(10);
      for (const text of texts) {
        expect(text).to.match(/circular/);
        expect(text).to.not.match(/call stack/i);
      }
    });
  },
  { on: ['memory'], speaking: dialects },
);
