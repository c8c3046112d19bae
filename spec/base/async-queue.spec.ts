import { expect } from 'chai';
import { describe, it } from 'mocha';
import { AsyncQueue } from '../../lib/base/async-queue.ts';

const numbers = (left?: (rest: readonly number[]) => void): AsyncQueue<number> =>
  new AsyncQueue<number>({ give: (item) => item, ...(left === undefined ? {} : { left }) });

describe('async queue', () => {
  it('items - come in order, those that were there and those that were waited for', async () => {
    const queue = numbers();
    queue.push(1);
    queue.push(2);
    expect(queue.length).to.equal(2);
    const got: number[] = [];
    const loop = (async () => {
      for await (const item of queue) got.push(item);
    })();
    await new Promise(setImmediate);
    expect([queue.length, queue.waiting]).to.deep.equal([0, 1]);
    queue.push(3);
    queue.push(4);
    queue.end();
    queue.push(5);
    await loop;
    expect(got).to.deep.equal([1, 2, 3, 4]);
  });

  it('items - are given as the owner makes them, when they are given', async () => {
    const given: string[] = [];
    const queue = new AsyncQueue<number, string>({
      give: (item) => {
        given.push(`${item}`);
        return `#${item}`;
      },
    });
    queue.push(1);
    expect(given).to.deep.equal([]);
    expect(await queue.next()).to.deep.equal({ done: false, value: '#1' });
    const next = queue.next();
    queue.push(2);
    expect(given).to.deep.equal(['1', '2']);
    expect(await next).to.deep.equal({ done: false, value: '#2' });
  });

  it('end - settles all who wait in the same turn, the first one with the error', async () => {
    const queue = numbers();
    const outcomes: unknown[] = [];
    for (const name of ['a', 'b']) {
      queue.next().then(
        ({ done }) => outcomes.push([name, done]),
        (error: unknown) => outcomes.push([name, error]),
      );
    }
    queue.end('failed');
    queue.end('again');
    expect([queue.waiting, queue.ended]).to.deep.equal([0, true]);
    await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
    expect(outcomes).to.deep.equal([
      ['a', 'failed'],
      ['b', true],
    ]);
    expect(await queue.next()).to.deep.equal({ done: true, value: undefined });
  });

  it('end - comes behind what is here, and tells of its error once', async () => {
    const queue = numbers();
    queue.push(1);
    queue.end('failed');
    expect(await queue.next()).to.deep.equal({ done: false, value: 1 });
    expect(await queue.next().catch((error: unknown) => error)).to.equal('failed');
    expect((await queue.next()).done).to.equal(true);
  });

  it('leaving - hands back what was not given, and the queue is over', async () => {
    let rest: readonly number[] = [];
    const queue = numbers((items) => (rest = items));
    for (const item of [1, 2, 3]) queue.push(item);
    for await (const item of queue) if (item === 1) break;
    expect(rest).to.deep.equal([2, 3]);
    queue.push(4);
    expect((await queue.next()).done).to.equal(true);
  });

  it('leaving - settles a loop that waits, and an error that came before is not told any more', async () => {
    const queue = numbers();
    const waiting = queue.next();
    await queue.return();
    expect((await waiting).done).to.equal(true);
    const failed = numbers();
    failed.push(1);
    failed.end('failed');
    await failed.return();
    expect((await failed.next()).done).to.equal(true);
  });
});
