import { once } from 'node:events';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import { describe, it } from 'mocha';
import { type BusError, Client, Connection, Server } from '../../lib/index.ts';

class OwnClient extends Client {
  say(event: string | symbol, ...args: unknown[]): boolean {
    return this.emit(event, ...args);
  }
}

class OwnServer extends Server {
  say(event: string | symbol, ...args: unknown[]): boolean {
    return this.emit(event, ...args);
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// oxlint-disable-next-line unicorn/no-thenable -- a thenable that is no promise is what this is about
const thenable = (then: unknown): object => ({ then });

/** Calls the same on busbar's emitter and on eventemitter3's own. */
function sequence(emitter: EventEmitter): unknown[] {
  const heard: unknown[] = [];
  const holder = { name: 'holder' };
  const one = function (this: unknown, ...args: unknown[]): void {
    heard.push(['one', this === emitter ? 'emitter' : this, ...args]);
  };
  const two = (...args: unknown[]): void => {
    heard.push(['two', ...args]);
    emitter.off('a', one);
    emitter.on('a', late);
  };
  const late = (): void => void heard.push('late');
  emitter.on('a', two).on('a', one).addListener('a', one, holder).once('a', late);
  heard.push(emitter.listeners('a').map((listener) => [one, two, late].indexOf(listener as never)));
  heard.push(
    emitter.listenerCount('a'),
    emitter.eventNames(),
    emitter.listeners('none'),
    emitter.listenerCount('none'),
  );
  heard.push(emitter.emit('a', 1, 2, 3, 4, 5, 6, 7), emitter.emit('a'), emitter.emit('none'));
  emitter.on('b', one).on('b', one, holder).off('b', one, holder);
  heard.push(emitter.listenerCount('b'), emitter.emit('b'));
  emitter.once('b', one).off('b', one, undefined, true);
  heard.push(emitter.listenerCount('b'));
  emitter.removeListener('b', one);
  heard.push(emitter.listenerCount('b'), emitter.eventNames());
  emitter.on('__proto__', one).on('toString', late);
  heard.push(emitter.emit('__proto__', 1), emitter.emit('toString'), emitter.emit('constructor'));
  emitter.off('a').removeAllListeners('toString');
  heard.push(emitter.eventNames());
  emitter.removeAllListeners();
  heard.push(emitter.eventNames());
  return heard;
}

for (const [name, make] of [
  ['Client', () => new OwnClient({ url: 'memory:emitter' })],
  ['Server', () => new OwnServer({ url: 'memory:emitter' })],
] as const) {
  describe(`${name} as an emitter`, () => {
    it('is an EventEmitter of eventemitter3, and does what that does with the same calls', () => {
      const emitter: EventEmitter = make();
      expect(emitter).to.be.instanceOf(EventEmitter);
      expect(sequence(emitter)).to.deep.equal(sequence(new EventEmitter()));
    });

    it('own events - are raised by subclasses and outsiders, by text and by symbol', async () => {
      const emitter = make();
      const symbol = Symbol('own');
      const heard: unknown[] = [];
      for (const event of ['own', symbol]) (emitter as EventEmitter).on(event, (...args) => heard.push(args));
      expect([emitter.say('own', 1), emitter.emit(symbol, 2), emitter.say('nobody')]).to.deep.equal([
        true,
        true,
        false,
      ]);
      expect(heard).to.deep.equal([[1], [2]]);
      const next = once(emitter, 'next');
      emitter.say('next', 3);
      expect(await next).to.deep.equal([3]);
    });

    it('prependListener and prependOnceListener - come before those that are there, which keep what they were', () => {
      const own: EventEmitter = make();
      const emitter = own as EventEmitter & NodeJS.EventEmitter;
      const heard: unknown[] = [];
      const holder = { name: 'holder' };
      emitter.once('status', () => heard.push('once'));
      emitter.on(
        'status',
        function (this: unknown) {
          heard.push(this);
        },
        holder,
      );
      const first = (): unknown => heard.push('first');
      emitter.prependListener('status', first).prependOnceListener('status', () => heard.push('first once'));
      expect([emitter.emit('status'), emitter.emit('status')]).to.deep.equal([true, true]);
      expect(heard).to.deep.equal(['first once', 'first', 'once', holder, 'first', holder]);
      emitter.off('status', first);
      expect(emitter.listenerCount('status')).to.equal(1);
    });

    it('what Node has beside it - is there, and changes nothing', () => {
      const emitter: NodeJS.EventEmitter = make();
      expect(emitter.setMaxListeners(1)).to.equal(emitter);
      expect(emitter.getMaxListeners()).to.equal(Infinity);
      const listener = (): void => {};
      emitter.once('error', listener);
      expect(emitter.rawListeners('error')).to.deep.equal([listener]);
    });

    it('listeners that fail - reach error, also those of own events, by any way to fail, and the others are called', async () => {
      const emitter = make();
      const own: EventEmitter = emitter;
      const errors: BusError[] = [];
      own.on('error', (error: BusError) => void errors.push(error));
      const thrower = (): never => {
        throw new Error('thrown');
      };
      const failures: readonly (() => unknown)[] = [
        thrower,
        async () => {
          throw new Error('rejected');
        },
        () => runInNewContext("Promise.reject(new Error('of another realm'))", { Error }),
        () => thenable((_: unknown, reject: (error: Error) => void) => reject(new Error('of a thenable'))),
        () => thenable(thrower),
      ];
      let called = 0;
      for (const failure of failures) own.on('own', failure);
      own.once('own', thrower).on('own', () => (called += 1));
      expect(own.emit('own')).to.equal(true);
      await settled();
      expect(called).to.equal(1);
      expect(errors.map(({ code }) => code)).to.deep.equal(Array(6).fill('ERR_LISTENER'));
      expect(errors.map(({ message }) => message).sort()).to.deep.equal([
        'of a thenable',
        'of another realm',
        'rejected',
        'thrown',
        'thrown',
        'thrown',
      ]);
    });

    it('error listeners that fail - do no harm', async () => {
      const emitter: EventEmitter = make();
      emitter.on('error', () => {
        throw new Error('thrown');
      });
      emitter.once('error', (): unknown => Promise.reject(new Error('rejected')));
      expect(emitter.emit('error', new Error('first'))).to.equal(true);
      await settled();
      expect(emitter.listenerCount('error')).to.equal(1);
    });

    it('listeners - are functions', () => {
      const emitter: EventEmitter = make();
      for (const wrong of [undefined, null, {}, 'x'] as never[]) {
        for (const method of ['on', 'addListener', 'once'] as const) {
          expect(() => emitter[method]('message', wrong)).to.throw(TypeError, '"message" must be a function');
        }
      }
    });
  });
}

describe('emit of a subclass', () => {
  class Loud extends Client {
    readonly emitted: unknown[] = [];
    override emit(event: string | symbol, ...args: any[]): boolean {
      this.emitted.push(event);
      if (event === 'status') throw new Error('no');
      return super.emit(event, ...args);
    }
  }

  it('sees the events of the bus, and what it throws reaches error and ends nothing', async () => {
    const server = await new Server({ url: 'memory:loud' }).start();
    const client = new Loud({ url: 'memory:loud' });
    const errors: string[] = [];
    client.on('error', ({ code, message }) => errors.push(`${code} ${message}`));
    await client.connect();
    expect(client.emitted).to.include.members(['status', 'ready']);
    expect(new Set(errors)).to.deep.equal(new Set(['ERR_LISTENER no']));
    await client.close();
    await server.close();
  });

  it('Connection - is an emitter as well', () => {
    expect(Connection.prototype).to.be.instanceOf(EventEmitter);
  });
});
