import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { Controls, type Outlet, WriteQueue } from '../../lib/session/write-queue.ts';
import type { Frame } from '../../lib/wire/frames.ts';
import { NativeDecoder } from '../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { Slab } from '../../lib/base/slab.ts';

/** A link that holds what it is given until the spec takes it, and asks to wait from `full` bytes on. */
class HoldingLink implements Outlet {
  bufferedBytes = 0;
  readonly asked: string[] = [];
  readonly bytes: Uint8Array[] = [];
  readonly #full: number;
  onWrite: () => void = () => {};

  constructor(full = Number.POSITIVE_INFINITY) {
    this.#full = full;
  }

  write(bytes: Uint8Array): boolean {
    this.asked.push(Buffer.from(bytes).toString());
    this.bytes.push(bytes);
    this.bufferedBytes += bytes.length;
    this.onWrite();
    return this.bufferedBytes < this.#full;
  }

  cork(): void {
    this.asked.push('cork');
  }

  uncork(): void {
    this.asked.push('uncork');
  }
}

/** Each in memory of its own, so that none is the neighbour of another. */
const apart = (...texts: string[]): Uint8Array[] => texts.map((text) => new Uint8Array(Buffer.from(text)));

describe('write queue', () => {
  it('neighbours in memory - leave in one piece, others one by one between cork and uncork', () => {
    const queue = new WriteQueue(1_000);
    const link = new HoldingLink();
    queue.open(link, []);
    const slab = Buffer.from('abcdef');
    queue.add([slab.subarray(0, 2), slab.subarray(2, 3), slab.subarray(4, 6), ...apart('x')]);
    queue.write();
    expect(link.asked).to.deep.equal(['cork', 'abc', 'ef', 'x', 'uncork']);
    queue.add(apart('y'));
    queue.write();
    queue.write();
    expect(link.asked.slice(5)).to.deep.equal(['y']);
    expect([queue.added, queue.taken, queue.isEmpty]).to.deep.equal([5, 5, true]);
  });

  it('a link that asks to wait - is given so many bytes to hold, and goes on from there when they left', () => {
    const queue = new WriteQueue(4);
    const link = new HoldingLink(1);
    queue.open(link, []);
    queue.add(apart('aa', 'bb', 'cc', 'dd'));
    queue.write();
    expect(link.asked).to.deep.equal(['cork', 'aa', 'bb', 'uncork']);
    expect([queue.taken, queue.isEmpty]).to.deep.equal([2, false]);
    queue.write();
    expect(link.bytes).to.have.lengthOf(2);
    link.bufferedBytes = 0;
    queue.write();
    expect(Buffer.concat(link.bytes).toString()).to.equal('aabbccdd');
  });

  it('the last words - are written however full the link is', () => {
    const queue = new WriteQueue(1);
    const link = new HoldingLink(1);
    queue.open(link, []);
    queue.add(apart('a', 'b', 'c'));
    queue.write();
    expect(link.bytes).to.have.lengthOf(1);
    queue.write(true);
    expect(Buffer.concat(link.bytes).toString()).to.equal('abc');
  });

  it('another link - gets what it is opened with and nothing of what waited for the one before', () => {
    const queue = new WriteQueue(1);
    queue.open(new HoldingLink(1), []);
    queue.add(apart('a', 'b', 'c'));
    queue.write();
    const next = new HoldingLink();
    queue.open(next, apart('again '));
    queue.add(apart('d'));
    queue.write();
    expect(Buffer.concat(next.bytes).toString()).to.equal('again d');
  });

  it('without a link - nothing is kept', () => {
    const queue = new WriteQueue(1_000);
    queue.add(apart('a'));
    const link = new HoldingLink();
    queue.open(link, []);
    queue.close();
    queue.add(apart('b'));
    queue.write();
    expect([queue.isEmpty, queue.added, link.bytes.length]).to.deep.equal([true, 0, 0]);
  });

  it('a write that ends in the next link - leaves the rest of its own unwritten', () => {
    const queue = new WriteQueue(1_000);
    const [first, second] = [new HoldingLink(), new HoldingLink()];
    queue.open(first, []);
    first.onWrite = () => queue.open(second, apart('a', 'b'));
    queue.add(apart('a', 'b', 'c'));
    queue.write();
    expect([Buffer.concat(first.bytes).toString(), second.bytes.length]).to.deep.equal(['a', 0]);
    queue.write();
    expect(Buffer.concat(second.bytes).toString()).to.equal('ab');
  });
});

describe('frames about the link', () => {
  let slab: Slab;
  let queue: WriteQueue;
  let controls: Controls;
  let link: HoldingLink;
  let due: number[];

  beforeEach(() => {
    slab = new Slab();
    queue = new WriteQueue(1);
    link = new HoldingLink(1);
    due = [];
    queue.open(link, []);
    const encoder = new NativeEncoder({ slab, records: false, maxFrameBytes: 1_000, maxDepth: 8 });
    controls = new Controls(encoder, slab, queue, { received: 0, acked: 0, takeAck: () => due.shift() ?? -1 });
  });

  /** What the link got, once it takes everything. */
  function frames(): string[] {
    while (!queue.isEmpty) {
      link.bufferedBytes = 0;
      queue.write();
    }
    const decoder = new NativeDecoder({ records: false, maxFrameBytes: 1_000, maxDepth: 8 });
    const read: Frame[] = [];
    decoder.feed(Buffer.concat(link.bytes.splice(0)), (frame) => read.push(frame));
    return read.map((frame) => (frame.type === 'ack' ? `ack ${frame.received}` : frame.type));
  }

  it('all that is owed - is written once, behind the acknowledgement, in one order', () => {
    due = [7];
    for (const kind of ['heartbeatReply', 'heartbeat', 'resume', 'goingAway', 'heartbeat'] as const) controls.owe(kind);
    controls.write();
    controls.write();
    expect(frames()).to.deep.equal(['ack 7', 'going-away', 'resume', 'heartbeat', 'heartbeat-reply']);
    expect(controls.owed).to.equal(0);
  });

  it('a pause and its end that were not written yet - need no word', () => {
    controls.owe('pause');
    controls.owe('resume');
    controls.owe('resume');
    controls.owe('pause');
    controls.write();
    expect(frames()).to.deep.equal([]);
  });

  it('new ones - wait until the link took those before, and what they undo is never said', () => {
    link.bufferedBytes = 1;
    controls.owe('heartbeat');
    controls.write();
    queue.write();
    // The link is full from here on.
    controls.owe('heartbeatReply');
    controls.write();
    controls.owe('pause');
    controls.write();
    controls.owe('resume');
    controls.write();
    expect(frames()).to.deep.equal(['heartbeat', 'heartbeat-reply']);
    controls.write();
    expect(frames()).to.deep.equal([]);
  });

  it('what was owed to a link - is not owed to the next', () => {
    controls.owe('pause');
    controls.forget();
    controls.write();
    expect(frames()).to.deep.equal([]);
    queue.close();
    due = [1];
    controls.write();
    expect(due, 'an acknowledgement counts as said only where there is a link').to.deep.equal([1]);
  });
});
