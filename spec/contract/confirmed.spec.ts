import { expect } from 'chai';
import { it } from 'mocha';
import { BusError, Client, type Connection, definePlugin, type PluginHost, type Server } from '../../lib/index.ts';
import { type Bus, contract, dialects, native, next, rejected, sleep, turn, until } from '../support/buses.ts';

interface Listening {
  on(event: 'message', listener: (data: never) => unknown): unknown;
  off(event: 'message', listener: (data: never) => unknown): unknown;
}

interface Telling {
  on(event: 'undelivered', listener: (messages: unknown[]) => unknown): unknown;
}

/** One direction of a pair: who sends, whose listeners hear it, and whose messages() read it. */
interface Way {
  readonly server: Server;
  readonly client: Client;
  readonly from: Client | Connection;
  readonly on: Listening;
  readonly reads: Client | Connection;
}

const ways = {
  'to the server': async (bus: Bus): Promise<Way> => {
    const { server, client, connection } = await bus.pair();
    return { server, client, from: client, on: server, reads: connection };
  },
  'to the client': async (bus: Bus): Promise<Way> => {
    const { server, client, connection } = await bus.pair();
    return { server, client, from: connection, on: client, reads: client };
  },
};

const confirm = { confirm: true };

/** A promise, and how to settle it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** An error that throws when its `name` is read. */
function throwing(name: string): Error {
  return Object.defineProperty(new Error('own'), name, {
    get(): never {
      throw new Error(name);
    },
  });
}

const speaking = dialects.filter(({ tier }) => tier === 'session');

for (const [way, pairOf] of Object.entries(ways)) {
  contract(
    `confirmed messages ${way}`,
    (bus) => {
      it('resolve when what all listeners returned has settled', async () => {
        const { from, on } = await pairOf(bus());
        const gates = [gate(), gate()];
        const done: string[] = [];
        for (const { opened } of gates) on.on('message', async () => opened);
        on.on('message', () => void done.push('at once'));
        const sent = from.send('order', confirm).then(() => done.push('confirmed'));
        await until(() => done.length === 1);
        gates[0]!.open();
        await sleep(10);
        expect(done).to.deep.equal(['at once']);
        gates[1]!.open();
        await sent;
      });

      it('delay no others, and keep their place among them', async () => {
        const { from, on } = await pairOf(bus());
        const slow = gate();
        const got: unknown[] = [];
        on.on('message', async (data: unknown) => {
          got.push(data);
          if (data === 'slow') await slow.opened;
        });
        void from.send(1);
        const sent = from.send('slow', confirm);
        void from.send(2);
        await from.send('quick', confirm);
        expect(got).to.deep.equal([1, 'slow', 2, 'quick']);
        slow.open();
        await sent;
      });

      it('reject with the error of a listener that failed, once all are done', async () => {
        const { from, on } = await pairOf(bus());
        const others = gate();
        let isDone = false;
        const failures: readonly [() => unknown, object][] = [
          [() => thrown(new BusError('ERR_REFUSED', 'no')), { code: 'ERR_REFUSED', message: 'no' }],
          [() => thrown(Object.assign(new Error('full'), { code: 'E_DISK' })), { code: 'E_DISK', message: 'full' }],
          [async () => thrown(new Error('out of stock')), { code: 'ERR_REMOTE', message: 'out of stock' }],
          [() => Promise.reject('text'), { code: 'ERR_REMOTE', message: 'text' }],
          [() => thrown(Object.assign(new Error('no code'), { code: '' })), { code: 'ERR_REMOTE', message: 'no code' }],
          [() => thrown(throwing('code')), { code: 'ERR_REMOTE', message: 'own' }],
          [() => throwing('then'), { code: 'ERR_REMOTE', message: 'then' }],
        ];
        for (const [fail, expected] of failures) {
          on.on('message', fail);
          expect(await rejected(from.send('order', confirm))).to.include(expected);
          on.off('message', fail);
        }
        const both = async (): Promise<void> => {
          await others.opened;
          isDone = true;
        };
        on.on('message', failures[0]![0]);
        on.on('message', both);
        const sent = rejected(from.send('order', confirm));
        await turn();
        others.open();
        expect(await sent).to.include({ code: 'ERR_REFUSED' });
        expect(isDone).to.equal(true);
        expect(bus().takeErrors()).to.have.lengthOf(8);
      });

      it('reject ERR_NO_HANDLER where nobody listens', async () => {
        const { from, on, reads } = await pairOf(bus());
        expect((await rejected(from.send('x', confirm))).code).to.equal('ERR_NO_HANDLER');
        const listener = (): void => {};
        on.on('message', listener);
        await from.send('x', confirm);
        on.off('message', listener);
        expect((await rejected(from.send('x', confirm))).code).to.equal('ERR_NO_HANDLER');
        const loop = reads.messages();
        void loop.next();
        void loop.return?.();
        expect((await rejected(from.send('x', confirm))).code).to.equal('ERR_NO_HANDLER');
      });

      it('resolve when each messages() loop has come back, or left with them in hand', async () => {
        const { from, reads } = await pairOf(bus());
        const [first, second] = [gate(), gate()];
        const dealt: unknown[] = [];
        const read = async (last: unknown, until_: Promise<void>): Promise<void> => {
          for await (const data of reads.messages()) {
            await until_;
            dealt.push(data);
            if (data === last) break;
          }
        };
        const loops = [read(2, first.opened), read(3, second.opened)];
        const sent = [1, 2].map((data) => from.send(data, confirm).then(() => dealt.push(`confirmed ${data}`)));
        first.open();
        await loops[0];
        await sleep(10);
        expect(dealt).to.deep.equal([1, 2]);
        second.open();
        await Promise.all(sent);
        expect(dealt.toSorted()).to.deep.equal([1, 1, 2, 2, 'confirmed 1', 'confirmed 2']);
        await from.send(3, confirm);
        await loops[1];
      });

      it('reject ERR_NO_HANDLER when the only loop leaves without having seen them', async () => {
        const { from, reads } = await pairOf(bus());
        const seen = gate();
        const loop = (async () => {
          for await (const data of reads.messages()) {
            await seen.opened;
            return data;
          }
          return undefined;
        })();
        await turn();
        const sent = from.send('seen', confirm);
        const unseen = rejected(from.send('unseen', confirm));
        await turn();
        seen.open();
        expect(await loop).to.equal('seen');
        await sent;
        expect((await unseen).code).to.equal('ERR_NO_HANDLER');
      });

      it('may be bounded and given up; the message stays with who has it', async () => {
        const { from, on } = await pairOf(bus());
        const got: unknown[] = [];
        const slow = gate();
        on.on('message', async (data: unknown) => {
          got.push(data);
          await slow.opened;
        });
        const stop = new AbortController();
        const timed = rejected(from.send(1, { confirm: true, timeout: 30 }));
        const stopped = rejected(from.send(2, { confirm: true, signal: stop.signal }));
        await until(() => got.length === 2);
        stop.abort();
        expect((await timed).code).to.equal('ERR_TIMEOUT');
        expect((await stopped).code).to.equal('ERR_ABORTED');
        const sent = from.send(3, { confirm: true, timeout: 0 });
        slow.open();
        await sent;
        expect((await rejected(from.send(4, { ...confirm, signal: stop.signal }))).code).to.equal('ERR_ABORTED');
        expect((await rejected(from.send(5, { signal: stop.signal }))).code).to.equal('ERR_ABORTED');
        await from.flush();
        expect(got).to.deep.equal([1, 2, 3]);
      });

      it('that wait for room - may be withdrawn, and plain ones too', async () => {
        const { from, on, reads } = await pairOf(bus());
        const got: unknown[] = [];
        on.on('message', (data: unknown) => got.push(data));
        reads.pause();
        // What is under way is held at the other end; what follows the pause waits at this one.
        const held = rejected(from.send('held', { ...confirm, timeout: 30 }));
        expect((await held).code).to.equal('ERR_TIMEOUT');
        await reads.ping();
        const stop = new AbortController();
        const sends = [
          from.send('plain', { timeout: 30 }),
          from.send('confirmed', { ...confirm, timeout: 30 }),
          from.send('stopped', { signal: stop.signal }),
        ].map((sent) => rejected(sent));
        const patient = from.send('patient', { timeout: 60_000 });
        await turn();
        stop.abort();
        const codes = (await Promise.all(sends)).map(({ code }) => code);
        expect(codes).to.deep.equal(['ERR_TIMEOUT', 'ERR_TIMEOUT', 'ERR_ABORTED']);
        reads.resume();
        await patient;
        await from.send('last', confirm);
        expect(got).to.deep.equal(['patient', 'last']);
      });

      it('reject settings that are none', async () => {
        const { from } = await pairOf(bus());
        for (const settings of [{ confrim: true }, { timeout: -1 }, { signal: {} }, 5, null]) {
          expect((await rejected(from.send('x', settings as object))).code).to.equal('ERR_INVALID_ARGUMENT');
        }
      });

      it('are owed by both ends: flush() and close() wait for them', async () => {
        for (const closing of ['sender', 'receiver', 'server, to come back'] as const) {
          const { from, on, reads, server } = await pairOf(bus());
          const slow = gate();
          const events: string[] = [];
          let begun = false;
          on.on('message', async () => {
            begun = true;
            await slow.opened;
            events.push('handled');
          });
          const sent = from.send('order', confirm).then(() => events.push('confirmed'));
          const flushed = from.flush().then(() => events.push('flushed'));
          await until(() => begun);
          const closed =
            closing === 'sender' ? from.close() : closing === 'receiver' ? reads.close() : server.close(true);
          const over = closed.then(() => events.push('closed'));
          await sleep(20);
          expect(events, closing).to.deep.equal([]);
          slow.open();
          await Promise.all([sent, flushed, over]);
          expect(events[0], closing).to.equal('handled');
          expect(events.at(-1), closing).to.equal('closed');
          await server.close();
        }
      });

      it('reject ERR_SESSION_LOST with the session, whoever ends it', async () => {
        const { from, on, reads, server } = await pairOf(bus());
        const got: unknown[] = [];
        const slow = gate();
        on.on('message', (data: unknown) => {
          got.push(data);
          return slow.opened;
        });
        const undelivered: unknown[] = [];
        const told: Telling = from;
        told.on('undelivered', (messages) => undelivered.push(...messages));
        const sent = rejected(from.send('order', confirm));
        await until(() => got.length === 1);
        reads.destroy();
        expect((await sent).code).to.equal('ERR_SESSION_LOST');
        expect(undelivered).to.deep.equal([]);
        slow.open();
        await server.close();
      });

      it('come once, and are answered, over links that break', async () => {
        const { from, on, client, server } = await pairOf(bus());
        const got: unknown[] = [];
        on.on('message', async (data: unknown) => {
          got.push(data);
          await turn();
        });
        for (let round = 1; round <= 5; round++) {
          const sent = [1, 2, 3].map((number) => from.send(`${round}.${number}`, confirm));
          if (round % 2 === 0) await turn();
          const back = next(client, 'session');
          bus().cut(server.connections[0]!);
          await back;
          await Promise.all(sent);
        }
        expect(got).to.deep.equal([1, 2, 3, 4, 5].flatMap((round) => [1, 2, 3].map((number) => `${round}.${number}`)));
      });
    },
    { on: ['memory', 'unix'], speaking },
  );
}

function thrown(error: Error): never {
  throw error;
}

contract(
  'confirmed messages',
  (bus) => {
    it('that one peer may have under way - are limited with its requests', async () => {
      const server = await bus().server({ maxOpenRequests: 3 });
      const client = await bus().client();
      const slow = gate();
      const got: unknown[] = [];
      server.on('message', async (data) => {
        got.push(data);
        await slow.opened;
      });
      server.handle(() => slow.opened);
      const sent = [1, 2].map((data) => client.send(data, confirm));
      const asked = client.request('question');
      expect((await rejected(client.send(3, confirm))).code).to.equal('ERR_QUEUE_FULL');
      expect((await rejected(client.request('one more'))).code).to.equal('ERR_QUEUE_FULL');
      slow.open();
      await Promise.all([...sent, asked]);
      await client.send(4, confirm);
      expect(got).to.deep.equal([1, 2, 4]);
    });

    it('on a plugin’s lane - are answered by its handler', async () => {
      const { server, client, connection } = await bus().pair();
      const slow = gate();
      const plugin = definePlugin<object, object>({
        name: 'talk',
        server: (host: PluginHost) => ({ api: host.lane({ message: () => slow.opened }) }),
        client: (host: PluginHost) => ({ api: host.lane({ message: () => slow.opened }) }),
      });
      server.use(plugin);
      const { conversation } = connection;
      const say = (): Promise<void> =>
        conversation.requests.message('', { timeoutMs: undefined, signal: undefined, idempotent: false }, (id) =>
          conversation.session!.sendConfirmed('talk', id, 'hi', () => undefined),
        );
      expect((await rejected(say())).code).to.equal('ERR_NO_HANDLER');
      client.use(plugin);
      const handled = say();
      await turn();
      slow.open();
      await handled;
    });
  },
  { on: ['memory'], speaking: [native] },
);
