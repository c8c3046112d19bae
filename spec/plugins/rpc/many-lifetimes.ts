import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { it } from 'mocha';
import { callOptions } from '../../../lib/plugins/rpc/index.ts';
import { Meeting } from '../channels/meeting.ts';
import { rejection, worlds } from './worlds.ts';
import { type Calls, collect, gc, Sources } from './sources.ts';

/** Specs that of whatever is exported and let go of `times` in a row leave nothing behind. */
export function manyLifetimes(times: number): void {
  const descriptors = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);

  /** Bytes that are held, with what waits for a turn of the event loop done. */
  async function heldBytes(): Promise<number> {
    for (let turn = 0; turn < 3; turn += 1) {
      if (typeof gc === 'function') gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return process.memoryUsage().heapUsed;
  }

  /** Each is something that is exported and let go of; what it says is done once nothing of it is needed any more. */
  const ways: Readonly<
    Record<string, (call: (name: string, ...args: unknown[]) => Promise<unknown>, sources: Sources) => Promise<unknown>>
  > = {
    'calls that are aborted': (call) => {
      const controller = new AbortController();
      const aborted = rejection(call('late', callOptions({ signal: controller.signal })));
      controller.abort();
      return aborted;
    },
    'calls that time out': (call) => rejection(call('slow', callOptions({ timeout: 1 }))),
    'answers that cannot be sent': (call) => rejection(call('odd')),
    'arguments that nobody reads': (call, sources) => call('ignore', sources.endless(), () => undefined),
    'files that nobody reads': (call, sources) => call('ignore', sources.file()),
    'notifications that fail': (call, sources) => rejection(call('$ignore', sources.endless(), Symbol('odd'))),
    'streams that are disposed of': async (call) => ((await call('give')) as AsyncDisposable)[Symbol.asyncDispose](),
    'streams that are left half-way': async (call) => {
      for await (const item of (await call('give')) as AsyncIterable<number>) if (item === 1) break;
    },
    'streams that are dropped': (call) => call('give'),
    'streams that are dropped half-way': async (call) =>
      ((await call('give')) as AsyncIterable<unknown>)[Symbol.asyncIterator]().next(),
    'functions that are dropped': (call) => call('function'),
    'functions that are called back': (call) => call('back', (value: number) => value),
  };
  for (const world of worlds.slice(2, 4)) {
    for (const [what, way] of Object.entries(ways)) {
      it(`${times} in a row, ${world.name} - ${what} leave memory, descriptors and streams as before`, async () => {
        const meeting = await new Meeting('memory').start();
        const sources = new Sources();
        const end = await world.open(meeting);
        end.offer({
          ignore: () => 1,
          give: () => sources.endless(),
          function: () => () => sources,
          back: (callback: (value: number) => unknown) => callback(1),
          odd: () => [sources.endless(), Symbol('odd')],
          late: async () => sources.endless(),
          slow: async () => {
            await new Promise((resolve) => setTimeout(resolve, 10));
            return sources.endless();
          },
        });
        const calls = end.use<Calls>() as unknown as Calls & { readonly $notify: Calls };
        const call = (name: string, ...args: unknown[]): Promise<unknown> =>
          (name === '$ignore' ? calls.$notify['ignore']?.(...args) : calls[name]?.(...args)) ?? Promise.reject();
        const run = async (count: number): Promise<void> => {
          for (let turn = 0; turn < count; turn += 100) {
            await Promise.all(Array.from({ length: 100 }, () => way(call, sources)));
            // Nobody may hold more than 1,000, and what is collected when is the platform's own affair.
            if (what.includes('dropped') && turn % 500 === 400) await collect(() => sources.open === 0);
          }
          await collect(() => sources.open === 0);
        };
        await run(Math.min(times, 1_000));
        const before = [await heldBytes(), descriptors()] as const;
        await run(times);
        expect(descriptors()).to.equal(before[1]);
        expect((await heldBytes()) - before[0], 'bytes more').to.be.lessThan(1_000_000);
        await meeting.close();
      });
    }
  }
}
