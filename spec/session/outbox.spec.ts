import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { type Entry, Outbox } from '../../lib/session/outbox.ts';

const entry = (data: unknown): Entry => ({ data, lane: 0 });

/** Records and stores one frame, whose bytes all are its number. */
function put(outbox: Outbox, bytes: number, owner?: Entry): void {
  const sequence = outbox.record(bytes, owner);
  outbox.store(new Uint8Array(bytes).fill(sequence & 0xff));
}

const joined = (parts: readonly Uint8Array[] | undefined): number[] => (parts ?? []).flatMap((part) => [...part]);

describe('outbox', () => {
  it('frames - are numbered from 1 and counted in bytes until they are acknowledged', () => {
    const outbox = new Outbox();
    put(outbox, 10);
    put(outbox, 20);
    expect([outbox.sequence, outbox.count, outbox.bytes]).to.deep.equal([2, 2, 30]);
    expect(outbox.acknowledge(1)).to.equal(true);
    expect([outbox.sequence, outbox.count, outbox.bytes]).to.deep.equal([2, 1, 20]);
    expect(outbox.acknowledge(2)).to.equal(true);
    expect([outbox.count, outbox.bytes]).to.deep.equal([0, 0]);
  });

  it('an acknowledgement of what was never sent - changes nothing', () => {
    const outbox = new Outbox();
    put(outbox, 5);
    expect(outbox.acknowledge(2)).to.equal(false);
    expect([outbox.count, outbox.bytes]).to.deep.equal([1, 5]);
  });

  it('an acknowledgement that is behind - changes nothing', () => {
    const outbox = new Outbox();
    for (let frame = 0; frame < 3; frame++) put(outbox, 5);
    outbox.acknowledge(2);
    expect(outbox.acknowledge(1)).to.equal(true);
    expect([outbox.acknowledged, outbox.bytes]).to.deep.equal([2, 5]);
  });

  it('owners - hear of their acknowledgement once, in order', () => {
    const outbox = new Outbox();
    const heard: number[] = [];
    for (let frame = 1; frame <= 3; frame++) put(outbox, 1, { ...entry(frame), acknowledged: () => heard.push(frame) });
    outbox.acknowledge(2);
    outbox.acknowledge(2);
    outbox.acknowledge(3);
    expect(heard).to.deep.equal([1, 2, 3]);
  });

  it('after - returns the bytes behind a frame, also when one segment holds several', () => {
    const outbox = new Outbox();
    outbox.record(2, undefined);
    outbox.record(3, undefined);
    outbox.store(Uint8Array.of(1, 1, 2, 2, 2));
    outbox.record(1, undefined);
    outbox.store(Uint8Array.of(3));
    expect(joined(outbox.after(0))).to.deep.equal([1, 1, 2, 2, 2, 3]);
    expect(joined(outbox.after(1))).to.deep.equal([2, 2, 2, 3]);
    expect(joined(outbox.after(3))).to.deep.equal([]);
    outbox.acknowledge(1);
    expect(outbox.after(0)).to.equal(undefined);
    expect(joined(outbox.after(1))).to.deep.equal([2, 2, 2, 3]);
    expect(outbox.after(4)).to.equal(undefined);
  });

  it('abandon - returns the owners nobody answered for, in order, and is empty after it', () => {
    const outbox = new Outbox();
    for (const name of ['a', 'b', 'c']) put(outbox, 1, entry(name));
    put(outbox, 1);
    outbox.acknowledge(1);
    expect(outbox.abandon().map(({ data }) => data)).to.deep.equal(['b', 'c']);
    expect([outbox.count, outbox.bytes]).to.deep.equal([0, 0]);
    expect(outbox.abandon()).to.deep.equal([]);
    put(outbox, 4, entry('d'));
    expect([outbox.count, outbox.bytes]).to.deep.equal([1, 4]);
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
        const outbox = new Outbox();
        const frames: number[] = [];
        const heard: number[] = [];
        for (const step of all) {
          if (step.type === 'put') {
            const number = frames.push(step.bytes);
            put(outbox, step.bytes, { ...entry(number), acknowledged: () => heard.push(number) });
          } else {
            outbox.acknowledge(outbox.acknowledged + Math.floor(step.part * outbox.count));
          }
          const kept = frames.slice(outbox.acknowledged);
          expect(outbox.bytes).to.equal(kept.reduce((sum, bytes) => sum + bytes, 0));
          expect(heard.length).to.equal(outbox.acknowledged);
        }
        for (let from = outbox.acknowledged; from <= outbox.sequence; from++) {
          const expected = frames.flatMap((bytes, index) =>
            index < from ? [] : new Array<number>(bytes).fill((index + 1) & 0xff),
          );
          expect(joined(outbox.after(from))).to.deep.equal(expected);
        }
        expect(outbox.abandon().map(({ data }) => data)).to.deep.equal(
          frames.map((_, index) => index + 1).slice(heard.length),
        );
      }),
      { numRuns: 60 },
    );
  });
});
