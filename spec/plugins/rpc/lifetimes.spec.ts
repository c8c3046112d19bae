import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { callOptions, type CallContext } from '../../../lib/plugins/rpc/index.ts';
import { type Kind, Meeting } from '../channels/meeting.ts';
import { inEveryDialect } from '../../support/buses.ts';
import { type Ends, rejection, until, type World, worlds } from './worlds.ts';
import { type Calls, collect, settle, Sources } from './sources.ts';

const noop = { noop: () => undefined };

/** Every world in memory, and the bus itself over a socket; in a long spec the bus over all of them, and a channel over one. */
const places: readonly (readonly [World, Kind])[] = worlds.flatMap((world): (readonly [World, Kind])[] => {
  const isBus = !world.name.includes('channel');
  const few: readonly Kind[] = world.name.includes('Client to') ? ['memory', 'tcp'] : ['memory'];
  const all: readonly Kind[] = world.name.includes('offline')
    ? ['memory']
    : isBus
      ? ['memory', 'unix', 'tcp', 'tls']
      : ['memory', 'tcp'];
  return (inEveryDialect ? all : few).map((kind) => [world, kind]);
});

for (const [world, kind] of places) {
  describe(`lifetimes of what remote objects export, ${world.name} over ${kind}`, () => {
    let meeting: Meeting;
    let ends: Ends;
    let sources: Sources;

    beforeEach(async () => {
      meeting = await new Meeting(kind).start();
      ends = await world.open(meeting);
      sources = new Sources();
    });
    afterEach(() => meeting.close());

    const use = (): Calls => ends.use<Calls>();
    const call = (calls: Calls, name: string, ...args: unknown[]): Promise<unknown> =>
      calls[name]?.(...args) ?? Promise.reject(new Error(`no ${name}`));
    const notify = (calls: Calls, name: string, ...args: unknown[]): Promise<unknown> =>
      call((calls as unknown as { readonly $notify: Calls }).$notify, name, ...args);

    const kinds = {
      'an iterable': () => sources.endless(),
      'a file': () => sources.file(),
      'streams in data': () => ({ list: [sources.endless(), { file: sources.file() }], wait: () => undefined }),
    };
    for (const [what, make] of Object.entries(kinds)) {
      it(`an answer that nobody waits for - ${what} is taken back`, async () => {
        let answer: (() => void) | undefined;
        ends.offer({
          ...noop,
          late: async () => {
            await new Promise<void>((resolve) => (answer = resolve));
            return make();
          },
          now: () => make(),
        });
        const calls = use();
        const given = new AbortController();
        const late = rejection(call(calls, 'late', callOptions({ signal: given.signal })));
        await until(() => answer !== undefined);
        given.abort();
        expect(await late).to.have.property('code', 'ERR_ABORTED');
        answer?.();
        await until(() => sources.made > 0 && sources.open === 0);
        sources.made = 0;
        // The answer and the abort cross.
        const controller = new AbortController();
        const aborted = rejection(call(calls, 'now', callOptions({ signal: controller.signal })));
        controller.abort();
        expect(await aborted).to.have.property('code', 'ERR_ABORTED');
        await settle(calls);
        await until(() => sources.open === 0);
      });

      it(`an answer or a call that cannot be encoded - ${what} is taken back`, async () => {
        ends.offer({
          ...noop,
          odd: () => [make(), Symbol('odd')],
          deep: () => {
            const circle: { self?: unknown; last?: unknown } = {};
            circle.self = circle;
            circle.last = make();
            return circle;
          },
        });
        const calls = use();
        for (const name of ['odd', 'deep']) {
          expect(await rejection(call(calls, name)), name).to.have.property('code', 'ERR_UNENCODABLE');
          await until(() => sources.open === 0);
        }
        expect(await rejection(call(calls, 'noop', make(), Symbol('odd')))).to.have.property('code', 'ERR_UNENCODABLE');
        await until(() => sources.open === 0);
        expect(await rejection(notify(calls, 'noop', make(), Symbol('odd')))).to.have.property(
          'code',
          'ERR_UNENCODABLE',
        );
        await until(() => sources.open === 0);
        expect(sources.made).to.be.at.least(4);
      });

      it(`a call that fails or is refused - ${what} among its arguments is taken back`, async () => {
        ends.offer({
          fail: () => {
            throw new Error('no');
          },
        });
        const calls = use();
        for (const name of ['fail', 'missing']) await rejection(call(calls, name, make()));
        for (const name of ['fail', 'missing']) await notify(calls, name, make());
        await until(() => sources.made >= 4 && sources.open === 0);
      });

      it(`an argument that is not read - ${what} ends with the call`, async () => {
        ends.offer({ ignore: () => 'done', later: async () => 'done' });
        const calls = use();
        for (const name of ['ignore', 'later']) {
          expect(await call(calls, name, make())).to.equal('done');
          await until(() => sources.open === 0);
          await notify(calls, name, make());
          await until(() => sources.open === 0);
        }
        expect(sources.made).to.be.at.least(4);
      });

      it(`the other side goes - ${what} that was exported and never read ends`, async () => {
        const held: unknown[] = [];
        let answer: ((value: unknown) => void) | undefined;
        ends.offer({
          give: () => make(),
          late: () => new Promise((resolve) => (answer = resolve)),
          keep: (argument: unknown) => {
            held.push(argument);
            return () => argument;
          },
        });
        const calls = use();
        held.push(await call(calls, 'give'), await call(calls, 'keep', make()));
        const late = rejection(call(calls, 'late'));
        await until(() => answer !== undefined);
        expect(sources.open).to.be.at.least(2);
        ends.leave();
        await late;
        await until(() => sources.open === 0);
        // What a method ends with when nobody is there any more, and what is called then.
        answer?.(make());
        await until(() => sources.open === 0);
        // A Client comes back by itself.
        if (world.name !== 'from a Client to the Server') {
          await rejection(call(calls, 'keep', make()));
          await rejection(notify(calls, 'keep', make()));
          await until(() => sources.open === 0);
        }
        expect(held).to.have.length(3);
      });
    }

    it('an argument that is read half - ends with the call; who reads it later hears why', async () => {
      let kept: AsyncIterator<unknown> | undefined;
      ends.offer({
        first: async (source: AsyncIterable<unknown>) => {
          kept = source[Symbol.asyncIterator]();
          return (await kept.next()).value;
        },
        chunk: async (source: Readable) => {
          await new Promise((resolve) => source.once('readable', resolve));
          return String(source.read()).slice(0, 6);
        },
      });
      const calls = use();
      expect(await call(calls, 'first', sources.endless())).to.equal(0);
      await until(() => sources.open === 0);
      expect(await rejection(kept?.next() ?? Promise.resolve())).to.have.property('code', 'ERR_CLOSED');
      expect(await kept?.next()).to.deep.equal({ done: true, value: undefined });
      expect(await call(calls, 'chunk', sources.file())).to.equal('import');
      await until(() => sources.open === 0);
    });

    it('an argument that is being read - goes on after the call', async () => {
      const got: unknown[] = [];
      const target = new PassThrough();
      ends.offer({
        read: (source: AsyncIterable<unknown>) => {
          void (async () => {
            for await (const item of source) got.push(item);
          })();
        },
        pipe: (source: Readable) => void source.pipe(target),
      });
      const calls = use();
      const source = new PassThrough({ objectMode: true });
      async function* slow(): AsyncGenerator<unknown> {
        for await (const item of source) yield item;
      }
      await call(calls, 'read', slow());
      await settle({ noop: () => call(calls, 'read', Readable.from([])) });
      source.end('late');
      await until(() => got.length === 1);
      await call(calls, 'pipe', Readable.from([Buffer.from('piped')]));
      let text = '';
      for await (const part of target) text += String(part);
      expect(text).to.equal('piped');
    });

    it('an argument that the answer is made of - goes on until the answer is read, and ends with it', async () => {
      ends.offer({
        double: (source: AsyncIterable<number>) =>
          (async function* () {
            for await (const item of source) yield 2 * item;
          })(),
      });
      const calls = use();
      const doubled: unknown[] = [];
      const finite = Readable.from([1, 2, 3]);
      for await (const item of (await call(calls, 'double', finite)) as AsyncIterable<number>) doubled.push(item);
      expect(doubled).to.deep.equal([2, 4, 6]);
      for await (const item of (await call(calls, 'double', sources.endless())) as AsyncIterable<number>) {
        if (item === 2) break;
      }
      await until(() => sources.open === 0);
      const unread = (await call(calls, 'double', sources.endless())) as AsyncIterable<number> & AsyncDisposable;
      await unread[Symbol.asyncDispose]();
      await until(() => sources.open === 0);
    });

    it('streams that nobody holds - are released when they are collected, read or not', async () => {
      ends.offer({
        endless: () => sources.endless(),
        file: () => sources.file(),
        readable: () => Readable.from(sources.endless()),
      });
      const calls = use();
      const ways: readonly (() => Promise<unknown>)[] = [
        () => call(calls, 'endless'),
        () => call(calls, 'file'),
        () => call(calls, 'readable'),
        async () => ((await call(calls, 'endless')) as AsyncIterable<unknown>)[Symbol.asyncIterator]().next(),
        async () => ((await call(calls, 'readable')) as Readable).read(),
      ];
      for (const [index, way] of ways.entries()) {
        for (let turn = 0; turn < 20; turn += 1) await way();
        await collect(() => sources.open === 0);
        expect(sources.made, `way ${index}`).to.be.at.least(20);
        sources.made = 0;
      }
    });

    it('a stream that is held or waited for - is not collected', async () => {
      const pace = new PassThrough({ objectMode: true });
      ends.offer({ paced: () => pace });
      const stream = (await call(use(), 'paced')) as Readable;
      const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<unknown>;
      const next = iterator.next();
      let turns = 0;
      await collect(() => turns++ === 3);
      pace.end('item');
      expect(await next).to.deep.equal({ done: false, value: 'item' });
      expect(await iterator.next()).to.deep.include({ done: true });
    });

    it('dispose - ends a stream that was not read, and who waits for an item', async () => {
      ends.offer({ endless: (items: number) => sources.endless(items) });
      const calls = use();
      const unread = (await call(calls, 'endless', 1)) as AsyncIterable<unknown> & AsyncDisposable;
      await unread[Symbol.asyncDispose]();
      await until(() => sources.open === 0);
      const waiting = (await call(calls, 'endless', 0)) as AsyncIterable<unknown> & AsyncDisposable;
      const next = waiting[Symbol.asyncIterator]().next();
      await waiting[Symbol.asyncDispose]();
      expect(await next).to.deep.equal({ done: true, value: undefined });
      await until(() => sources.open === 0);
    });

    it('$notify alone - keeps its function, the function alone keeps itself, and without both it is let go of', async () => {
      let kept: ((value: number) => Promise<unknown>) | undefined;
      ends.offer({
        notified: (callback: { readonly $notify: typeof kept }) => (kept = callback.$notify) && undefined,
        called: (callback: typeof kept) => (kept = callback) && undefined,
      });
      const calls = use();
      for (const name of ['notified', 'called']) {
        const heard: number[] = [];
        let collected = 0;
        const registry = new FinalizationRegistry<undefined>(() => (collected += 1));
        await (async () => {
          const callback = (value: number): unknown => heard.push(value);
          registry.register(callback, undefined);
          await call(calls, name, callback);
        })();
        for (let turn = 0; turn < 2; turn += 1) {
          let turns = 0;
          await collect(() => turns++ === 1);
          await kept?.(turn);
        }
        await until(() => heard.length === 2);
        expect(collected, name).to.equal(0);
        kept = undefined;
        await collect(() => collected === 1);
      }
    });

    it('dispose - lets go of a function at once, which then is there no more', async () => {
      const kept: (((value: number) => Promise<unknown>) & AsyncDisposable)[] = [];
      ends.offer({ keep: (callback: (typeof kept)[0]) => void kept.push(callback) }, { maxFunctions: 1 });
      const calls = use();
      for (let turn = 0; turn < 5; turn += 1) {
        await call(calls, 'keep', (value: number) => value + turn);
        const [callback] = kept.splice(0);
        expect(await callback?.(1)).to.equal(1 + turn);
        await callback?.[Symbol.asyncDispose]();
        await callback?.[Symbol.asyncDispose]();
        expect(await rejection(callback?.(1) ?? Promise.resolve())).to.have.property('code', 'ERR_NO_METHOD');
      }
    });

    it('an error of an exported stream - reaches its reader, and ends no process where nobody reads', async () => {
      ends.offer({ missing: () => createReadStream('/nowhere/at/all'), ignore: () => 'done' });
      const calls = use();
      const reading = (async () => {
        for await (const part of (await call(calls, 'missing')) as Readable) throw new Error(String(part));
      })();
      expect(await rejection(reading)).to.have.property('code', 'ENOENT');
      expect(await call(calls, 'ignore', createReadStream('/nowhere/at/all'))).to.equal('done');
      await settle({ noop: () => call(calls, 'ignore') });
    });

    it('context - who calls, what is left of the time, and that nobody waits any more', async () => {
      const told: CallContext[] = [];
      const offered = {
        work: (job: string, context: CallContext) => {
          expect(job).to.equal('job');
          told.push(context);
          return new Promise((resolve) =>
            context.signal.addEventListener('abort', () => resolve(undefined), { once: true }),
          );
        },
        count: (...args: unknown[]) => args.length,
      };
      ends.offer(offered, { context: true });
      const calls = use();
      expect(await call(calls, 'count', 1, 2)).to.equal(3);
      await rejection(call(calls, 'work', 'job', callOptions({ timeout: 20 })));
      const controller = new AbortController();
      const aborted = rejection(call(calls, 'work', 'job', callOptions({ signal: controller.signal, timeout: 0 })));
      await until(() => told.length === 2);
      expect(told[1]).to.have.property('deadline', undefined);
      expect(told[1]?.signal.aborted).to.equal(false);
      controller.abort();
      await aborted;
      const left = rejection(call(calls, 'work', 'job'));
      await until(() => told.length === 3);
      expect(told[2]?.deadline).to.be.within(1, 10_000);
      await notify(calls, 'work', 'job');
      await until(() => told.length === 4);
      ends.leave();
      await left;
      await until(() => told.every(({ signal }) => signal.aborted));
      expect(new Set(told.map(({ peer }) => peer))).to.have.property('size', 1);
      expect(told[0]?.peer).to.not.equal(undefined);
    });

    it('limits - are those of the options, at both ends, and are told', async () => {
      ends.offer(
        { take: (...args: unknown[]) => new Promise(() => args), noop: () => 1 },
        { maxStreams: 3, maxFunctions: 2 },
      );
      const calls = use();
      const wide = ends.use<Calls>({ maxStreams: 5, maxFunctions: 10_000 }) as unknown as Calls;
      const refused = await rejection(call(wide, 'take', ...Array.from({ length: 4 }, () => sources.endless())));
      expect(refused).to.include({ code: 'ERR_TOO_LARGE' });
      const many = await rejection(call(calls, 'take', ...Array.from({ length: 6 }, () => sources.endless())));
      expect(many).to.include({ code: 'ERR_TOO_LARGE' });
      await until(() => sources.open === 0);
      const functions = await rejection(call(calls, 'take', ...Array.from({ length: 3 }, () => () => undefined)));
      expect(functions).to.include({ code: 'ERR_TOO_LARGE' });
      // What was refused is let go of on both ends.
      for (let turn = 0; turn < 5; turn += 1) {
        await rejection(call(calls, 'take', sources.endless(), () => undefined, callOptions({ timeout: 1 })));
      }
      expect(await call(calls, 'noop')).to.equal(1);
    });

    it('a function named `then` - is refused as an argument and as a result', async () => {
      const handed: unknown[] = [];
      const trap: Record<string, unknown> = {};
      trap[['th', 'en'].join('')] = (...functions: unknown[]) => handed.push(...functions);
      ends.offer({ keep: async (value: unknown) => (await value) && 'kept', give: () => ({ inner: trap }) });
      const calls = use();
      for (const value of [trap, { inner: trap }, [trap]]) {
        expect(await rejection(call(calls, 'keep', value))).to.have.property('code', 'ERR_UNENCODABLE');
      }
      expect(await rejection(call(calls, 'give'))).to.have.property('code', 'ERR_UNENCODABLE');
      expect(handed).to.deep.equal([]);
    });
  });
}
