import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { type Entry, ReplayBuffer } from '../../lib/session/replay-buffer.ts';

const entry = (data: unknown): Entry => ({ data, lane: 0 });

/** Records and stores one frame, whose bytes all are its number. */
function put(buffer: ReplayBuffer, bytes: number, owner?: Entry): void {
  const sequence = buffer.record(bytes, owner);
  buffer.store(new Uint8Array(bytes).fill(sequence & 0xff));
}

const joined = (parts: readonly Uint8Array[] | undefined): number[] => (parts ?? []).flatMap((part) => [...part]);

describe('replay buffer', () => {
  it('frames - are numbered from 1 and counted in bytes until they are acknowledged', () => {
    const buffer = new ReplayBuffer();
    put(buffer, 10);
    put(buffer, 20);
    expect([buffer.sequence, buffer.count, buffer.bytes]).to.deep.equal([2, 2, 30]);
    expect(buffer.acknowledge(1)).to.equal(true);
    expect([buffer.sequence, buffer.count, buffer.bytes]).to.deep.equal([2, 1, 20]);
    expect(buffer.acknowledge(2)).to.equal(true);
    expect([buffer.count, buffer.bytes]).to.deep.equal([0, 0]);
  });

  it('an acknowledgement of what was never sent - changes nothing', () => {
    const buffer = new ReplayBuffer();
    put(buffer, 5);
    expect(buffer.acknowledge(2)).to.equal(false);
    expect([buffer.count, buffer.bytes]).to.deep.equal([1, 5]);
  });

  it('an acknowledgement that is behind - changes nothing', () => {
    const buffer = new ReplayBuffer();
    for (let frame = 0; frame < 3; frame++) put(buffer, 5);
    buffer.acknowledge(2);
    expect(buffer.acknowledge(1)).to.equal(true);
    expect([buffer.acknowledged, buffer.bytes]).to.deep.equal([2, 5]);
  });

  it('owners - hear of their acknowledgement once, in order', () => {
    const buffer = new ReplayBuffer();
    const heard: number[] = [];
    for (let frame = 1; frame <= 3; frame++) put(buffer, 1, { ...entry(frame), acknowledged: () => heard.push(frame) });
    buffer.acknowledge(2);
    buffer.acknowledge(2);
    buffer.acknowledge(3);
    expect(heard).to.deep.equal([1, 2, 3]);
  });

  it('after - returns the bytes behind a frame, also when one segment holds several', () => {
    const buffer = new ReplayBuffer();
    buffer.record(2, undefined);
    buffer.record(3, undefined);
    buffer.store(Uint8Array.of(1, 1, 2, 2, 2));
    buffer.record(1, undefined);
    buffer.store(Uint8Array.of(3));
    expect(joined(buffer.after(0))).to.deep.equal([1, 1, 2, 2, 2, 3]);
    expect(joined(buffer.after(1))).to.deep.equal([2, 2, 2, 3]);
    expect(joined(buffer.after(3))).to.deep.equal([]);
    buffer.acknowledge(1);
    expect(buffer.after(0)).to.equal(undefined);
    expect(joined(buffer.after(1))).to.deep.equal([2, 2, 2, 3]);
    expect(buffer.after(4)).to.equal(undefined);
  });

  it('abandon - returns the owners nobody answered for, in order, and is empty after it', () => {
    const buffer = new ReplayBuffer();
    for (const name of ['a', 'b', 'c']) put(buffer, 1, entry(name));
    put(buffer, 1);
    buffer.acknowledge(1);
    expect(buffer.abandon().map(({ data }) => data)).to.deep.equal(['b', 'c']);
    expect([buffer.count, buffer.bytes]).to.deep.equal([0, 0]);
    expect(buffer.abandon()).to.deep.equal([]);
    put(buffer, 4, entry('d'));
    expect([buffer.count, buffer.bytes]).to.deep.equal([1, 4]);
  });

  it('any sequence of frames and acknowledgements - keeps exactly what is not acknowledged', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ type: fc.constant('put' as const), bytes: fc.integer({ min: 1, max: 40 }) }),
        fc.record({ type: fc.constant('acknowledge' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
      ),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const buffer = new ReplayBuffer();
        const frames: number[] = [];
        const heard: number[] = [];
        for (const step of all) {
          if (step.type === 'put') {
            const number = frames.push(step.bytes);
            put(buffer, step.bytes, { ...entry(number), acknowledged: () => heard.push(number) });
          } else {
            buffer.acknowledge(buffer.acknowledged + Math.floor(step.part * buffer.count));
          }
          const kept = frames.slice(buffer.acknowledged);
          expect(buffer.bytes).to.equal(kept.reduce((sum, bytes) => sum + bytes, 0));
          expect(heard.length).to.equal(buffer.acknowledged);
        }
        for (let from = buffer.acknowledged; from <= buffer.sequence; from++) {
          const expected = frames.flatMap((bytes, index) =>
            index < from ? [] : new Array<number>(bytes).fill((index + 1) & 0xff),
          );
          expect(joined(buffer.after(from))).to.deep.equal(expected);
        }
        expect(buffer.abandon().map(({ data }) => data)).to.deep.equal(
          frames.map((_, index) => index + 1).slice(heard.length),
        );
      }),
      { numRuns: 60 },
    );
  });
});
