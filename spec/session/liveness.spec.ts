import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { Liveness, type LivenessLimits } from '../../lib/session/liveness.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';

const limits: LivenessLimits = { heartbeatIntervalMs: 1_000, heartbeatTimeoutMs: 500, slowConsumerMs: 2_000 };

describe('liveness', () => {
  let clock: VirtualClock;
  let events: string[];
  let idle: number;
  let pending: boolean;
  let listening: boolean;

  beforeEach(() => {
    clock = new VirtualClock();
    events = [];
    idle = 0;
    pending = false;
    listening = true;
  });

  function watch(more: Partial<LivenessLimits> = {}): Liveness {
    const watched = new Liveness(
      clock,
      { ...limits, ...more },
      {
        get pendingBytes() {
          return pending ? 1 : 0;
        },
        get isListening() {
          return listening;
        },
        say: () => events.push(`heartbeat at ${clock.now()}`),
        onSilence: (silentMs) => events.push(`dead after ${silentMs}`),
        onStall: () => events.push(`slow at ${clock.now()}`),
        onIdle: () => (idle += 1),
      },
    );
    watched.start();
    return watched;
  }

  it('silence - is asked about once, then the link is dead, then nothing more', () => {
    watch();
    clock.advance(999);
    expect(events).to.deep.equal([]);
    clock.advance(10_000);
    expect(events).to.deep.equal(['heartbeat at 1000', 'dead after 1500']);
    expect(clock.pending).to.equal(0);
  });

  it('any sign of life - ends the question and starts the time anew', () => {
    const watched = watch();
    clock.advance(1_400);
    watched.heard();
    clock.advance(1_100);
    expect(events).to.deep.equal(['heartbeat at 1000', 'heartbeat at 2400']);
    watched.stop();
  });

  it('a peer that speaks - is never asked', () => {
    const watched = watch();
    for (let turn = 0; turn < 100; turn++) {
      clock.advance(300);
      watched.heard();
    }
    expect(events).to.deep.equal([]);
    watched.stop();
  });

  it('a link this end does not read - is not held to be silent', () => {
    const watched = watch();
    listening = false;
    clock.advance(20_000);
    expect(events).to.deep.equal([]);
    listening = true;
    clock.advance(10_000);
    expect(events.at(-1)).to.match(/^dead/);
    watched.stop();
  });

  it('an interval of 0 - never asks', () => {
    const watched = watch({ heartbeatIntervalMs: 0 });
    clock.advance(1_000_000);
    expect(events).to.deep.equal([]);
    watched.stop();
  });

  it('a peer that takes nothing - is slow once, within a quarter more than the time', () => {
    const watched = watch({ heartbeatIntervalMs: 0 });
    clock.advance(10_000);
    watched.sending();
    pending = true;
    clock.advance(1_999);
    expect(events).to.deep.equal([]);
    clock.advance(501);
    expect(events).to.have.lengthOf(1);
    clock.advance(100_000);
    expect(events).to.have.lengthOf(1);
    watched.stop();
  });

  it('a peer that takes something now and then - is not slow; one that stops again is, once more', () => {
    const watched = watch({ heartbeatIntervalMs: 0 });
    watched.sending();
    pending = true;
    for (let turn = 0; turn < 20; turn++) {
      clock.advance(1_500);
      watched.progressed();
    }
    expect(events).to.deep.equal([]);
    clock.advance(3_000);
    watched.progressed();
    clock.advance(3_000);
    expect(events).to.have.lengthOf(2);
    watched.stop();
  });

  it('the time an idle link was idle - does not count', () => {
    const watched = watch({ heartbeatIntervalMs: 0 });
    clock.advance(1_900);
    watched.sending();
    pending = true;
    clock.advance(600);
    expect(events).to.deep.equal([]);
    watched.stop();
  });

  it('a link with nothing waiting - is called idle, one with something is not', () => {
    const watched = watch();
    clock.advance(500);
    expect(idle).to.equal(1);
    watched.sending();
    pending = true;
    clock.advance(499);
    expect(idle).to.equal(1);
    watched.stop();
  });

  it('stop - leaves no timer', () => {
    watch().stop();
    expect(clock.pending).to.equal(0);
  });

  it('a watch that was stopped while it rested - is not woken by what is sent', () => {
    const watched = watch();
    for (let beat = 0; beat < 5; beat++) {
      clock.advance(900);
      watched.heard();
    }
    watched.stop();
    watched.sending();
    expect(clock.pending).to.equal(0);
  });
});
