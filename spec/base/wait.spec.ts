import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Random } from '../../lib/base/random.ts';
import { inTime, onAbort, sleep, untilAborted, withinTime, retryDelayMs } from '../../lib/base/wait.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';

const never = new Promise<never>(() => undefined);
const reason = new Error('enough');
const late = new Error('late');

/** What a promise came to: its value or its error; `waits` if it has not settled. */
function watch(promise: Promise<unknown>): () => Promise<unknown> {
  let outcome: unknown = 'waits';
  promise.then(
    (value) => (outcome = value),
    (error: unknown) => (outcome = error),
  );
  return async () => {
    await new Promise(setImmediate);
    return outcome;
  };
}

describe('waits', () => {
  it('onAbort - runs each task once, in order, through one listener', () => {
    const controller = new AbortController();
    const added: string[] = [];
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>): void => {
      added.push(String(args[0]));
      add(...args);
    };
    const ran: number[] = [];
    const stops = [1, 2, 3].map((task) => onAbort(signal, () => ran.push(task)));
    stops[1]?.();
    expect(added).to.deep.equal(['abort']);
    controller.abort();
    controller.abort();
    expect(ran).to.deep.equal([1, 3]);
    stops[0]?.();
  });

  it('untilAborted - settles as the work, or with the reason', async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(signal, Promise.resolve(5))).to.equal(5);
    expect(await untilAborted(signal, Promise.reject(late)).catch((error: unknown) => error)).to.equal(late);
    const controller = new AbortController();
    const outcome = watch(untilAborted(controller.signal, never));
    expect(await outcome()).to.equal('waits');
    controller.abort(reason);
    expect(await outcome()).to.equal(reason);
    expect(await watch(untilAborted(AbortSignal.abort(reason), never))()).to.equal(reason);
  });

  it('inTime - settles as the work and leaves no timer, or rejects after the time or by the signal', async () => {
    const clock = new VirtualClock();
    const make = (): Error => late;
    expect(await inTime({ clock, ms: 100 }, Promise.resolve(5), make)).to.equal(5);
    expect(await watch(inTime({ clock, ms: 100 }, Promise.reject(reason), make))()).to.equal(reason);
    expect(clock.pending).to.equal(0);
    const outcome = watch(inTime({ clock, ms: 100 }, never, make));
    clock.advance(99);
    expect(await outcome()).to.equal('waits');
    clock.advance(1);
    expect(await outcome()).to.equal(late);
    const controller = new AbortController();
    const aborted = watch(inTime({ clock, ms: 100, signal: controller.signal }, never, make));
    controller.abort(reason);
    expect(await aborted()).to.equal(reason);
    expect(clock.pending).to.equal(0);
  });

  it('withinTime - resolves when the work has settled, whichever way, or after the time', async () => {
    const clock = new VirtualClock();
    await withinTime(clock, 100, Promise.reject(reason));
    await withinTime(clock, 100, Promise.resolve(5));
    expect(clock.pending).to.equal(0);
    const outcome = watch(withinTime(clock, 100, never));
    expect(await outcome()).to.equal('waits');
    clock.advance(100);
    expect(await outcome()).to.equal(undefined);
  });

  it('sleep - resolves after the time, rejects by the signal and leaves no timer', async () => {
    const clock = new VirtualClock();
    const outcome = watch(sleep(clock, 100));
    clock.advance(99);
    expect(await outcome()).to.equal('waits');
    clock.advance(1);
    expect(await outcome()).to.equal(undefined);
    const controller = new AbortController();
    const aborted = watch(sleep(clock, 100, controller.signal));
    controller.abort(reason);
    expect(await aborted()).to.equal(reason);
    expect(await watch(sleep(clock, 100, controller.signal))()).to.equal(reason);
    expect(clock.pending).to.equal(0);
  });
});

const always = (unit: number): Random => ({ unit: () => unit, bytes: (count) => new Uint8Array(count) });
const almostOne = 1 - Number.EPSILON;

describe('backoff', () => {
  it('the ceiling - grows by 500 ms an attempt, to the longest wait', () => {
    const ceilings = [1, 2, 3, 10, 19, 20, 21, 1_000].map((attempt) =>
      Math.round(retryDelayMs(attempt, 10_000, always(almostOne))),
    );
    expect(ceilings).to.deep.equal([500, 1_000, 1_500, 5_000, 9_500, 10_000, 10_000, 10_000]);
  });

  it('without chance - is the ceiling itself', () => {
    const waits = [1, 2, 19, 21].map((attempt) => retryDelayMs(attempt, 10_000, undefined));
    expect(waits).to.deep.equal([500, 1_000, 9_500, 10_000]);
    expect(retryDelayMs(1, 50, undefined)).to.equal(100);
  });

  it('the floor - is 100 ms for every attempt', () => {
    for (const attempt of [1, 5, 100]) expect(retryDelayMs(attempt, 10_000, always(0))).to.equal(100);
  });

  it('a longest wait below the first step - is kept, and never less than 100 ms', () => {
    expect(Math.round(retryDelayMs(1, 200, always(almostOne)))).to.equal(200);
    expect(retryDelayMs(1, 50, always(0.5))).to.equal(100);
  });

  it('a longest wait of Infinity - goes on growing', () => {
    expect(retryDelayMs(1_000, Infinity, always(0.5))).to.equal(100 + 0.5 * (500_000 - 100));
  });

  it('jitter - covers the whole range, at the cap too', () => {
    const delays = [0, 0.25, 0.5, 0.75].map((unit) => retryDelayMs(50, 10_000, always(unit)));
    expect(delays).to.deep.equal([100, 2_575, 5_050, 7_525]);
  });
});
