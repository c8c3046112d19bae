import { expect } from 'chai';
import { it } from 'mocha';
import { BusError, type Client, type Connection, type Context, type Respond, type Server } from '../../lib/index.ts';
import { contract, next, rejected, sleep, until } from '../support/buses.ts';
import { stopwatch } from '../support/stopwatch.ts';

type Reply = (request: unknown, respond: Respond<unknown>) => unknown;

/** The two directions requests go in: who asks, and how the other end is made to answer. */
function directions(server: Server, client: Client, connection: Connection) {
  return [
    { asker: client, answerer: server, listen: (reply: Reply) => void server.on('request', reply), seen: connection },
    { asker: connection, answerer: client, listen: (reply: Reply) => void client.on('request', reply), seen: client },
  ] as const;
}

contract('requests', (bus, dialect) => {
  it('are answered by the request event, both ways', async () => {
    const { server, client, connection } = await bus().pair();
    server.on('request', (request, respond, from) => {
      expect(from).to.equal(connection);
      void respond({ up: request });
    });
    client.on('request', (request, respond) => void respond({ down: request }));
    expect(await client.request('a')).to.deep.equal({ up: 'a' });
    expect(await connection.request('b')).to.deep.equal({ down: 'b' });
  });

  it('are answered by handle(), at once or later, each in its own time', async () => {
    const { server, client, connection } = await bus().pair();
    for (const { asker, answerer, seen } of directions(server, client, connection)) {
      const slow: ((value: unknown) => void)[] = [];
      const contexts: Context[] = [];
      answerer.handle((request, context) => {
        contexts.push(context);
        return request === 'slow' ? new Promise((resolve) => slow.push(resolve)) : { fast: request };
      });
      const late = asker.request('slow');
      expect(await asker.request(1)).to.deep.equal({ fast: 1 });
      expect(await asker.request(undefined)).to.deep.equal(dialect.codec === 'JSON' ? {} : { fast: undefined });
      slow[0]?.('at last');
      expect(await late).to.equal('at last');
      expect(contexts).to.have.length(3);
      for (const context of contexts) {
        expect(context.peer).to.equal(seen);
        expect(context.signal).to.be.instanceOf(AbortSignal);
        expect(context.signal.aborted).to.equal(false);
      }
      answerer.handle(undefined);
    }
  });

  it('keep their handler when one is given that is no function', async () => {
    const { server, client, connection } = await bus().pair();
    for (const { asker, answerer } of directions(server, client, connection)) {
      answerer.handle(() => 'still here');
      for (const given of ['x', null, {}] as never[]) {
        expect(() => answerer.handle(given))
          .to.throw('handle needs a function')
          .with.property('code', 'ERR_INVALID_ARGUMENT');
      }
      expect(await asker.request(1)).to.equal('still here');
      answerer.handle(undefined);
    }
  });

  it('may be many at a time', async () => {
    const { server, client, connection } = await bus().pair();
    server.handle((request) => request);
    client.handle((request) => request);
    const asked = Array.from({ length: 200 }, (_, at) => at);
    expect(await Promise.all(asked.map((at) => client.request(at)))).to.deep.equal(asked);
    expect(await Promise.all(asked.map((at) => connection.request(at)))).to.deep.equal(asked);
  });

  it('carry undefined as answer', async () => {
    const { server, client, connection } = await bus().pair();
    server.handle(() => undefined);
    client.on('request', (_request, respond) => void respond());
    expect(await client.request('a')).to.equal(undefined);
    expect(await connection.request('b')).to.equal(undefined);
  });

  it('that nobody can answer are rejected ERR_NO_HANDLER at once', async () => {
    const { client, connection } = await bus().pair();
    for (const asker of [client, connection]) {
      const elapsedMs = stopwatch();
      expect((await rejected(asker.request('anyone?'))).code).to.equal('ERR_NO_HANDLER');
      expect(elapsedMs()).to.be.below(500);
    }
  });

  it('are rejected with the code and message their handler failed with', async () => {
    const { server, client, connection } = await bus().pair();
    const failures: Record<string, () => unknown> = {
      bus: () => {
        throw new BusError('ERR_REFUSED', 'not today', { details: { secret: 1 } });
      },
      own: () => Promise.reject(new BusError('OUT_OF_STOCK', 'none left')),
      plain: () => {
        throw new TypeError('no such thing');
      },
      system: () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' })),
      text: () => Promise.reject('just text'),
    };
    const expected = [
      ['bus', 'ERR_REFUSED', 'not today'],
      ['own', 'OUT_OF_STOCK', 'none left'],
      ['plain', 'ERR_REMOTE', 'no such thing'],
      ['system', 'ENOENT', 'gone'],
      ['text', 'ERR_REMOTE', 'just text'],
    ] as const;
    for (const { asker, answerer, listen } of directions(server, client, connection)) {
      const check = async (): Promise<void> => {
        for (const [request, code, message] of expected) {
          const error = await rejected(asker.request(request));
          expect(error).to.be.instanceOf(BusError);
          expect([error.code, error.message]).to.deep.equal([code, message]);
          expect(error.details).to.equal(undefined);
        }
      };
      answerer.handle((request) => failures[String(request)]?.());
      await check();
      answerer.handle(undefined);
      listen((request) => failures[String(request)]?.());
      await check();
    }
    // What has no code of its own is a bug, of which the answering end hears: two of them, both ways, with and without handler.
    expect(bus().takeErrors()).to.deep.equal(Array(8).fill('ERR_LISTENER'));
  });

  it('are answered whatever was thrown, and however long its text is', async () => {
    const { server, client, connection } = await bus().pair({ maxMessageBytes: 1_024 }, { maxMessageBytes: 1_024 });
    if (dialect.tier === 'legacy') return;
    const noText: readonly unknown[] = [
      Object.create(null),
      {
        toString(): never {
          throw new Error('no text');
        },
      },
      Object.assign(new Error('text'), { message: { no: 'text' } }),
      Object.assign(new Error('x'.repeat(3_000)), { code: 'C'.repeat(3_000) }),
      Object.assign(new Error('x'.repeat(3_000)), { code: '' }),
      {
        get code(): never {
          throw new Error('no code');
        },
        get message(): never {
          throw new Error('no text');
        },
      },
    ];
    for (const [asker, answerer] of [
      [client, server],
      [connection, client],
    ] as const) {
      for (const thrown of noText) {
        for (const fail of [() => Promise.reject(thrown), () => sleep(1).then(() => Promise.reject(thrown))]) {
          answerer.handle(fail);
          const error = await rejected(asker.request('x'));
          expect(error.code).to.match(/^ERR_REMOTE$|^C{64}$/);
        }
        answerer.handle(() => {
          throw thrown;
        });
        expect((await rejected(asker.request('x'))).message).to.match(/^The thrown value has no text$|^x{200}$/);
      }
      answerer.handle(() => 'x'.repeat(3_000));
      expect((await rejected(asker.request('x'))).code).to.equal('ERR_TOO_LARGE');
      answerer.handle(() => 'fine');
      expect(await asker.request('x')).to.equal('fine');
    }
    expect(new Set(bus().takeErrors())).to.deep.equal(new Set(['ERR_LISTENER']));
    server.on('message', () => Promise.reject(noText[0]));
    await client.send('x');
    await until(() => bus().errors.length > 0);
    expect(bus().takeErrors()).to.deep.equal(['ERR_LISTENER']);
  });

  it('carry details of an error only where that was allowed', async () => {
    const { server, client, connection } = await bus().pair({ exposeErrorDetails: true });
    const fail = (): never => {
      throw new BusError('ERR_REFUSED', 'no', { details: { why: 'taxes' } });
    };
    server.handle(fail);
    client.handle(fail);
    expect((await rejected(client.request(1))).details).to.deep.equal({ why: 'taxes' });
    expect((await rejected(connection.request(1))).details).to.equal(undefined);
  });

  it('are failed by an answer that cannot be sent, though nobody waits for it; one answer too many does no harm', async () => {
    const { server, client } = await bus().pair();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    server.on('request', (request, respond) => {
      if (request !== 'circular') void respond(1);
      void respond(circular);
    });
    if (dialect.tier === 'session') {
      expect((await rejected(client.request('circular'))).code).to.equal('ERR_UNENCODABLE');
    }
    expect(await client.request('twice')).to.equal(1);
    await sleep(5);
  });

  it('are answered once: the second answer is refused, one that cannot be encoded may be followed by another', async () => {
    const { server, client } = await bus().pair();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const told: string[] = [];
    server.on('request', async (_request, respond) => {
      told.push((await rejected(respond(circular))).code);
      await respond('fine');
      told.push((await rejected(respond('again'))).code);
    });
    expect(await client.request('x')).to.equal('fine');
    await until(() => told.length === 2);
    expect(told).to.deep.equal(['ERR_UNENCODABLE', 'ERR_STATE']);
    server.handle(() => circular);
    expect((await rejected(client.request('x'))).code).to.equal('ERR_UNENCODABLE');
  });

  it('time out by number or timeout, and the late answer is discarded', async () => {
    const { server, client, connection } = await bus().pair();
    for (const { asker, listen } of directions(server, client, connection)) {
      const late: (() => unknown)[] = [];
      listen((_request, respond) => void late.push(() => respond('late')));
      expect((await rejected(asker.request('x', 20))).code).to.equal('ERR_TIMEOUT');
      expect((await rejected(asker.request('x', { timeout: 20 }))).code).to.equal('ERR_TIMEOUT');
      const before = asker.lateResponses;
      // By the echo's time the handler has heard of a cancel, if there is one.
      await asker.ping();
      for (const respond of late) await respond();
      expect(await asker.ping()).to.be.a('number');
      expect(asker.lateResponses - before).to.equal(dialect.tier === 'session' ? 0 : 2);
    }
  });

  it('are answered to nobody once the session is over: respond rejects ERR_CLOSED, on either end, however it ended', async () => {
    for (const leave of ['client.close', 'client.destroy', 'connection.close', 'connection.destroy', 'cut']) {
      const { server, client, connection } = await bus().pair(
        { sessionGraceMs: 0 },
        { reconnect: false, closeTimeoutMs: 0 },
      );
      const late: (() => Promise<void>)[] = [];
      client.on('request', (_request, respond) => void late.push(() => respond('late')));
      server.on('request', (_request, respond) => void late.push(() => respond('late')));
      const asked = [rejected(client.request(1)), rejected(connection.request(2))];
      await until(() => late.length === 2);
      if (leave === 'client.close') void client.close();
      if (leave === 'client.destroy') client.destroy();
      if (leave === 'connection.close') void connection.close();
      if (leave === 'connection.destroy') connection.destroy();
      if (leave === 'cut') bus().cut(connection);
      await Promise.all(asked);
      await until(() => client.status === 0 && !server.connections.includes(connection));
      for (const respond of late) {
        expect((await rejected(respond())).code, leave).to.equal('ERR_CLOSED');
        expect((await rejected(respond())).code, leave).to.equal('ERR_CLOSED');
      }
      await server.close();
      bus().takeErrors();
    }
  });

  it('wait for ever with a timeout of 0', async () => {
    const { server, client } = await bus().pair();
    const waiting: { context: Context; respond: () => unknown }[] = [];
    server.on('request', (_request, respond) => {
      waiting.push({ context: respond.context, respond: () => respond('now') });
    });
    const answer = client.request('x', 0);
    await until(() => waiting.length === 1);
    expect(waiting[0]?.context.deadline).to.equal(undefined);
    await waiting[0]?.respond();
    expect(await answer).to.equal('now');
  });

  it('are given up by signal, which the handler hears of where the dialect can tell', async () => {
    const { server, client, connection } = await bus().pair();
    for (const { asker, answerer } of directions(server, client, connection)) {
      let context: Context | undefined;
      answerer.handle((_request, given) => {
        context = given;
        return new Promise((resolve) => given.signal.addEventListener('abort', resolve, { once: true }));
      });
      const controller = new AbortController();
      const failure = rejected(asker.request('x', { signal: controller.signal, timeout: 5_000 }));
      await until(() => context !== undefined);
      if (dialect.tier === 'session') expect(context?.deadline).to.be.within(4_000, 5_000);
      const reason = new Error('enough');
      controller.abort(reason);
      const error = await failure;
      expect([error.code, error.cause]).to.deep.equal(['ERR_ABORTED', reason]);
      if (dialect.tier === 'session') await until(() => context?.signal.aborted === true);
      const gone = { signal: AbortSignal.abort() };
      expect((await rejected(asker.request('x', gone))).code).to.equal('ERR_ABORTED');
      expect((await rejected(asker.ping('x', gone))).code).to.equal('ERR_ABORTED');
      answerer.handle(undefined);
    }
  });

  it('are refused with ERR_INVALID_ARGUMENT for a timeout or settings that make no sense', async () => {
    const { server, client, connection } = await bus().pair();
    const settings = [Number.NaN, -1, { timeout: 'soon' }, { timeuot: 1 }, { signal: {} }, null];
    for (const given of settings as never[]) {
      for (const asker of [client, connection]) {
        expect((await rejected(asker.request('x', given))).code).to.equal('ERR_INVALID_ARGUMENT');
        expect((await rejected(asker.ping('x', given))).code).to.equal('ERR_INVALID_ARGUMENT');
      }
      expect((await rejected(server.survey('x', given))).code).to.equal('ERR_INVALID_ARGUMENT');
      expect((await rejected(server.ping('x', given))).code).to.equal('ERR_INVALID_ARGUMENT');
      expect((await rejected(bus().newClient().connect('x', given))).code).to.equal('ERR_INVALID_ARGUMENT');
    }
    expect((await rejected(client.send('x', { confrim: true } as never))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect((await rejected(connection.send('x', 5 as never))).code).to.equal('ERR_INVALID_ARGUMENT');
  });
});

contract('a request listener', (bus) => {
  it('that throws or rejects rejects the requester within 10 ms, is reported, and hurts nothing else', async () => {
    const { server, client } = await bus().pair();
    server.on('request', (request) => {
      if (request === 'later') return Promise.reject(new Error('rejected'));
      throw new Error('thrown');
    });
    for (const [request, message] of [
      ['now', 'thrown'],
      ['later', 'rejected'],
    ]) {
      // A pause of the machine holds up one of them, not all.
      let quickestMs = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < 5; attempt++) {
        const elapsedMs = stopwatch();
        expect((await rejected(client.request(request))).message).to.equal(message);
        quickestMs = Math.min(quickestMs, elapsedMs());
      }
      expect(quickestMs).to.be.below(10);
    }
    const got = next(server, 'message');
    await client.send('alive');
    await got;
    expect(bus().takeErrors()).to.deep.equal(Array(10).fill('ERR_LISTENER'));
  });
});
