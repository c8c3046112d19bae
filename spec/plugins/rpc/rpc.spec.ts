import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError } from '../../../lib/index.ts';
import { callOptions, proxy, remote, type StandardSchema } from '../../../lib/plugins/rpc/index.ts';
import { kinds, Meeting } from '../channels/meeting.ts';
import { type Ends, rejection, until, worlds } from './worlds.ts';

/** A Standard Schema made of a check. */
function schemaOf<Value>(
  name: string,
  check: (value: unknown) => boolean,
): StandardSchema<Value> & { readonly name: string } {
  return {
    name,
    '~standard': {
      version: 1,
      vendor: 'spec',
      validate: (value) =>
        check(value) ? { value: value as Value } : { issues: [{ message: `no ${name}`, path: ['x'] }] },
    },
  };
}

const text = schemaOf<string>('text', (value) => typeof value === 'string');
const count = schemaOf<number>('count', (value) => typeof value === 'number');

for (const [world, kind] of worlds.flatMap((world) => kinds.map((kind) => [world, kind] as const))) {
  if (world.name === 'in an offline channel' && kind !== 'memory') continue;
  describe(`remote objects ${world.name} over ${kind}`, () => {
    let meeting: Meeting;
    let ends: Ends;

    beforeEach(async () => {
      meeting = await new Meeting(kind).start();
      ends = await world.open(meeting);
    });
    afterEach(() => meeting.close());

    it('values - arguments and results arrive as they were', async () => {
      const api = {
        add: (a: number, b: number) => a + b,
        echo: async (value: unknown) => value,
        nothing: () => undefined,
      };
      ends.offer(api);
      const calls = ends.use<typeof api>();
      expect(await calls.add(2, 3)).to.equal(5);
      const value = {
        text: 'hällo',
        list: [1, { deep: null }],
        bytes: Buffer.from('bytes'),
        at: new Date(5),
        big: 2n ** 60n,
        names: new Set(['a', 'b']),
        samples: new Uint16Array([1, 2]),
      };
      expect(await calls.echo(value)).to.deep.equal(value);
      expect(await calls.echo('long '.repeat(20_000))).to.equal('long '.repeat(20_000));
      expect(await calls.nothing()).to.equal(undefined);
      expect(await Promise.all(Array.from({ length: 500 }, (_, index) => calls.add(index, 1)))).to.deep.equal(
        Array.from({ length: 500 }, (_, index) => index + 1),
      );
    });

    it('errors - a call rejects with the code, message and details the method failed with', async () => {
      ends.offer({
        coded: () => {
          throw new BusError('ERR_GAME_OVER', 'You lost.', { details: { score: 3 } });
        },
        plain: async () => {
          throw new TypeError('oops');
        },
        odd: () => Promise.reject('just text'),
      });
      const calls = ends.use<{ coded(): void; plain(): void; odd(): void }>();
      expect(await rejection(calls.coded()))
        .to.include({ code: 'ERR_GAME_OVER', message: 'You lost.' })
        .and.deep.include({ details: { score: 3 } });
      expect(await rejection(calls.plain())).to.include({ code: 'ERR_REMOTE', message: 'oops' });
      expect(await rejection(calls.odd())).to.include({ code: 'ERR_REMOTE', message: 'just text' });
    });

    it('reach - only own functions and the methods named are offered', async () => {
      class Base {
        secret(): string {
          return 'secret';
        }
        shared(): string {
          return `shared ${this.secret()}`;
        }
      }
      class Api extends Base {
        own = (): string => 'own';
        value = 5;
        get computed(): () => string {
          return () => 'computed';
        }
        listed(): string {
          return this.own();
        }
      }
      ends.offer(new Api(), { methods: ['listed', 'shared'] });
      const calls = ends.use<Record<string, () => string>>();
      const call = (name: string): Promise<unknown> => calls[name]?.() ?? Promise.reject(new Error('no member'));
      expect(await call('own')).to.equal('own');
      expect(await call('listed')).to.equal('own');
      expect(await call('shared')).to.equal('shared secret');
      for (const name of ['secret', 'value', 'computed', 'nothing', '']) {
        expect(await rejection(call(name)), name).to.have.property('code', 'ERR_NO_METHOD');
      }
      for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf'] as const) {
        expect(Reflect.get(calls, name), name).to.equal(Object.prototype[name]);
      }
    });

    it("reach - what is every object's, and what is not there, cannot be listed", () => {
      for (const name of ['constructor', 'toString', '__proto__', 'missing']) {
        expect(() => ends.offer({}, { methods: [name] }))
          .to.throw()
          .with.property('code', 'ERR_INVALID_ARGUMENT');
      }
    });

    it('no object - calls before it is offered, under another id, or after it was taken back are refused', async () => {
      const calls = ends.use<{ ping(): number }>();
      if (!world.name.startsWith('from a Cl') && !world.name.startsWith('from a Co')) ends.offer({}, { id: 9 });
      const offered = ends.offer({ ping: () => 1 }, { id: 3 });
      expect(await rejection(calls.ping())).to.have.property('code', 'ERR_NO_METHOD');
      const third = ends.use<{ ping(): number }>({ id: 3 });
      expect(await third.ping()).to.equal(1);
      offered.dispose();
      expect(await rejection(third.ping())).to.have.property('code', 'ERR_NO_METHOD');
    });

    it('notify - goes one way, in order with calls', async () => {
      const heard: unknown[] = [];
      ends.offer({ note: (value: unknown) => heard.push(value), all: () => heard });
      const calls = ends.use<{ note(value: unknown): void; all(): unknown[] }>();
      await calls.$notify.note(1);
      await calls.$notify.note({ two: 2 });
      expect(await calls.all()).to.deep.equal([1, { two: 2 }]);
    });

    it('options - timeout and signal end a call, are no arguments, and a late answer disturbs nobody', async () => {
      let seen: unknown[] = [];
      let finish: (() => void)[] = [];
      ends.offer({
        slow: (...args: unknown[]) => {
          seen = args;
          return new Promise<void>((resolve) => finish.push(resolve));
        },
        quick: () => 1,
      });
      const calls = ends.use<{ slow(value?: unknown): void; quick(): number }>();
      expect(await rejection(calls.slow('a', callOptions({ timeout: 500 })))).to.have.property('code', 'ERR_TIMEOUT');
      await until(() => finish.length === 1);
      expect(seen).to.deep.equal(['a']);
      const controller = new AbortController();
      const aborted = rejection(calls.slow({ timeout: 1 }, callOptions({ signal: controller.signal })));
      await until(() => finish.length === 2);
      controller.abort();
      expect(await aborted).to.have.property('code', 'ERR_ABORTED');
      for (const resolve of finish) resolve();
      finish = [];
      expect(await calls.quick()).to.equal(1);
    });

    it('callbacks - are called back with values and results, also later and nested in data', async () => {
      let kept: ((value: number) => Promise<number>) | undefined;
      ends.offer({
        each: async (list: number[], { visit }: { visit: (value: number) => Promise<number> }) => {
          kept = visit;
          const results: number[] = [];
          for (const item of list) results.push(await visit(item));
          return results;
        },
        counter: () => {
          let value = 0;
          return { next: () => ++value };
        },
      });
      const calls = ends.use<{
        each(list: number[], options: { visit: (value: number) => number }): Promise<number[]>;
        counter(): { next: () => Promise<number> };
      }>();
      expect(await calls.each([1, 2, 3], { visit: (value) => value * 2 })).to.deep.equal([2, 4, 6]);
      expect(await kept?.(21)).to.equal(42);
      const { next } = await calls.counter();
      expect([await next(), await next()]).to.deep.equal([1, 2]);
    });

    it('streams - iterables and Readables go both ways, with no more items than are read', async () => {
      let produced = 0;
      async function* numbers(): AsyncGenerator<number> {
        for (; produced < 1_000; ) yield ++produced;
      }
      ends.offer({
        sum: async (source: AsyncIterable<number>) => {
          let sum = 0;
          for await (const item of source) sum += item;
          return sum;
        },
        size: async (source: Readable) => {
          let size = 0;
          for await (const part of source) size += (part as Buffer).length;
          return size;
        },
        numbers: () => numbers(),
      });
      const calls = ends.use<{
        sum(source: AsyncIterable<number>): Promise<number>;
        size(source: Readable): Promise<number>;
        numbers(): AsyncIterable<number>;
      }>();
      async function* list(): AsyncGenerator<number> {
        for (let item = 1; item <= 100; item += 1) yield item;
      }
      expect(await calls.sum(list())).to.equal(5_050);
      expect(await calls.size(Readable.from([Buffer.alloc(5), Buffer.alloc(70_000)]))).to.equal(70_005);
      const source = await calls.numbers();
      const got: number[] = [];
      for await (const item of source) {
        got.push(item);
        if (item === 50) break;
      }
      expect(got).to.have.length(50);
      expect(produced).to.be.at.most(50 + 16 + 1);
    });

    it('streams - an error of the source reaches the reader, and a reader that breaks stops the source', async () => {
      let stopped = false;
      ends.offer({
        failing: async function* () {
          yield 1;
          throw new BusError('ERR_BROKEN', 'no more');
        },
        endless: async function* () {
          try {
            for (;;) yield 0;
          } finally {
            stopped = true;
          }
        },
      });
      const calls = ends.use<{ failing(): AsyncIterable<number>; endless(): AsyncIterable<number> }>();
      const got: number[] = [];
      const reading = (async () => {
        for await (const item of await calls.failing()) got.push(item);
      })();
      expect(await rejection(reading)).to.include({ code: 'ERR_BROKEN', message: 'no more' });
      expect(got).to.deep.equal([1]);
      for await (const item of await calls.endless()) if (item === 0) break;
      await until(() => stopped);
    });

    it('schema - what it refuses is refused with the issues, and its values are what the method gets', async () => {
      ends.offer(
        { greet: (name: string, times: number) => `${name} ${times}`, wrong: () => 'text' },
        { schema: { greet: { input: [text, count], output: text }, wrong: { output: count } } },
      );
      const calls = ends.use<{ greet(...args: unknown[]): string; wrong(): string }>();
      expect(await calls.greet('a', 2)).to.equal('a 2');
      const refused = await rejection(calls.greet('a', 'b'));
      expect(refused).to.include({ code: 'ERR_INVALID_ARGUMENT', message: 'Argument 2 of "greet": x: no count' });
      expect(refused.details).to.deep.equal([{ message: 'no count', path: ['x'] }]);
      expect(await rejection(calls.greet('a', 1, 2))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
      expect(await rejection(calls.wrong())).to.have.property('code', 'ERR_REMOTE');
    });

    it('contract - a missing or changed method is named at the first call; the same contract is not', async () => {
      ends.offer({ greet: (name: string) => name, extra: () => 1 }, { schema: { greet: { input: text } } });
      const same = ends.use<{ greet(name: string): string }>({ schema: { greet: { input: text } } });
      expect(await same.greet('a')).to.equal('a');
      const other = ends.use<{ greet(name: string): string }>({ schema: { greet: { input: count }, gone: {} } });
      const error = await rejection(other.greet('a'));
      expect(error.code).to.equal('ERR_CONTRACT');
      expect(error.message).to.contain('missing: gone').and.contain('changed: greet');
    });

    it('the other side goes - everything pending rejects at once', async () => {
      ends.offer({ never: () => new Promise(() => undefined) });
      const calls = ends.use<{ never(): void }>();
      const pending = [rejection(calls.never()), rejection(calls.never(callOptions({ timeout: 0 })))];
      await new Promise((resolve) => setImmediate(resolve));
      ends.leave();
      for (const error of await Promise.all(pending)) {
        expect(error.code).to.be.oneOf(['ERR_CHANNEL', 'ERR_CLOSED', 'ERR_SESSION_LOST', 'ERR_DESTROYED']);
      }
    });

    it('unencodable - data that is circular rejects that call, and the next one works', async () => {
      ends.offer({ echo: (value: unknown) => value });
      const calls = ends.use<{ echo(value: unknown): unknown }>();
      const circle: { self?: unknown } = {};
      circle.self = circle;
      expect(await rejection(calls.echo(circle))).to.have.property('code', 'ERR_UNENCODABLE');
      expect(await calls.echo(1)).to.equal(1);
    });
  });
}

describe('remote objects', () => {
  let meeting: Meeting;
  beforeEach(async () => {
    meeting = await new Meeting('memory').start();
  });
  afterEach(() => meeting.close());

  it('for each other side - a function makes an object of its own, and knows whose it is', async () => {
    const owner = await (await meeting.rooms()).create('room');
    remote(owner, (user: number) => ({ who: () => user }));
    const users = [await (await meeting.rooms()).enter('room'), await (await meeting.rooms()).enter('room')];
    const answers = users.map((user) => proxy<{ who(): number }>(user).who());
    expect(await Promise.all(answers)).to.deep.equal([0, 1]);
  });

  it('for one user - the object is offered to nobody else', async () => {
    const owner = await (await meeting.rooms()).create('room');
    const users = [await (await meeting.rooms()).enter('room'), await (await meeting.rooms()).enter('room')];
    await until(() => owner.users.size === 2);
    remote(owner, { secret: () => 42 }, { user: 1 });
    remote(owner, {}, { id: 1 });
    const [first, second] = users.map((user) => proxy<{ secret(): number }>(user));
    expect(await rejection(first?.secret() ?? Promise.resolve())).to.have.property('code', 'ERR_NO_METHOD');
    expect(await second?.secret()).to.equal(42);
  });

  it('nobody takes calls - a peer without remote objects is told apart at once', async () => {
    const [, client] = await meeting.client();
    const calls = proxy<{ ping(): void }>(client);
    expect(await rejection(calls.ping())).to.have.property('code', 'ERR_PEER_LACKS_FEATURE');
    remote(meeting.server, { ping: () => 1 });
    expect(await calls.ping()).to.equal(1);
  });

  it('a proxy of a user - does not reach another user who gets the same number', async () => {
    const owner = await (await meeting.rooms()).create('room');
    const first = await (await meeting.rooms()).enter('room');
    remote(first, { who: () => 'first' });
    await until(() => owner.users.size === 1);
    const calls = proxy<{ who(): string }>(owner, 0);
    expect(await calls.who()).to.equal('first');
    first.leave();
    const second = await (await meeting.rooms()).enter('room');
    remote(second, { who: () => 'second' });
    expect(second.user).to.equal(0);
    await until(() => owner.users.size === 1);
    expect(await rejection(calls.who())).to.have.property('code', 'ERR_CHANNEL');
    expect(await proxy<{ who(): string }>(owner, 0).who()).to.equal('second');
  });

  it('wrong ends - what is no end, and a proxy that does not say whose, are refused', async () => {
    const owner = await (await meeting.rooms()).create('room');
    expect(() => remote({} as never, {}))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => proxy(owner))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => proxy(meeting.server))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => remote(owner, {}, { metods: [] } as never))
      .to.throw()
      .with.property('code', 'ERR_INVALID_OPTION');
  });

  it('a proxy - can be printed and logged, which calls nothing', async () => {
    const [, client] = await meeting.client();
    const called: string[] = [];
    remote(meeting.server, { add: () => called.push('add') });
    const calls = proxy<{ add(): number }>(client);
    expect(`${String(calls)} ${JSON.stringify({ calls })}`).to.equal('[object Object] {"calls":{}}');
    expect(inspect(calls)).to.be.a('string');
    expect(called).to.deep.equal([]);
    expect(await calls.add()).to.equal(1);
  });
});
