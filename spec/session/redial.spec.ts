import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { redial, type RedialOptions } from '../../lib/session/redial.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';

describe('redial', () => {
  let clock: VirtualClock;
  let controller: AbortController;
  let attempts: number[];
  let waits: number;

  beforeEach(() => {
    clock = new VirtualClock();
    controller = new AbortController();
    attempts = [];
    waits = 0;
  });

  /** Attempts that fail until number `succeeds`; random is always in the middle. */
  function dialing(succeeds: number, more: Partial<RedialOptions> = {}): Promise<void> {
    const attempt = async (): Promise<void> => {
      attempts.push(clock.now());
      if (attempts.length < succeeds) throw new BusError('ERR_CONNECT', `attempt ${attempts.length}`);
    };
    return redial(attempt, {
      retries: 3,
      maxRetryTime: 10_000,
      firstWaitMs: undefined,
      clock,
      random: { unit: () => 0.5, bytes: (count) => new Uint8Array(count) },
      signal: controller.signal,
      mayRetry: () => true,
      waiting: () => (waits += 1),
      ...more,
    });
  }

  it('an attempt that succeeds - is the only one', async () => {
    await dialing(1);
    expect([attempts, waits]).to.deep.equal([[0], 0]);
  });

  it('waits - are half the range with half the chance, and grow with the attempts', async () => {
    const done = dialing(4);
    await clock.run(10_000);
    await done;
    expect(attempts).to.deep.equal([0, 300, 850, 1_650]);
    expect(waits).to.equal(3);
  });

  it('retries - are attempts after the first; then the last error is the answer', async () => {
    const failed = dialing(Infinity, { retries: 2 }).catch((error: unknown) => error);
    await clock.run(60_000);
    expect(await failed).to.include({ code: 'ERR_CONNECT', message: 'attempt 3' });
    expect(attempts).to.have.lengthOf(3);
    expect(clock.pending).to.equal(0);
  });

  it('no retries - means one attempt', async () => {
    const failed = dialing(Infinity, { retries: 0 }).catch((error: unknown) => error);
    await clock.run(60_000);
    expect(await failed).to.include({ message: 'attempt 1' });
    expect(attempts).to.have.lengthOf(1);
  });

  it('an error that may not be retried - is the answer at once', async () => {
    const failed = dialing(Infinity, { mayRetry: () => false }).catch((error: unknown) => error);
    expect(await failed).to.include({ message: 'attempt 1' });
    expect(waits).to.equal(0);
  });

  it('endless retries - go on after hours', async () => {
    const done = dialing(1_000, { retries: Infinity });
    await clock.run(6_000_000);
    await done;
    expect(attempts).to.have.lengthOf(1_000);
  });

  it('a first wait - comes before the first attempt', async () => {
    const done = dialing(1, { firstWaitMs: 40 });
    await clock.run(1_000);
    await done;
    expect([attempts, waits]).to.deep.equal([[40], 1]);
  });

  it('an abort - ends a wait with its reason, and leaves no timer', async () => {
    const failed = dialing(Infinity).catch((error: unknown) => error);
    await clock.run(100);
    const reason = new BusError('ERR_CLOSED');
    controller.abort(reason);
    await clock.run(0);
    expect(await failed).to.equal(reason);
    expect(clock.pending).to.equal(0);
    expect(attempts).to.have.lengthOf(1);
  });
});
