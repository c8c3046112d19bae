import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../lib/base/system-clock.ts';
import { Sender } from '../../lib/session/sender.ts';
import type { EncodedMessage } from '../../lib/wire/dialect.ts';
import type { Frame } from '../../lib/wire/frames.ts';
import { NativeDecoder } from '../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { Slab } from '../../lib/base/slab.ts';

const maxFrameBytes = 1 << 20;
const maxBytes = 100_000;

/** A link that takes so many bytes, then asks to wait. */
class FullLink {
  bufferedBytes = 0;
  readonly written: Uint8Array[] = [];

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    this.bufferedBytes += bytes.length;
    return this.bufferedBytes < 1_000;
  }

  get frames(): Frame[] {
    const decoder = new NativeDecoder({ records: false, maxFrameBytes, maxDepth: 64 });
    const frames: Frame[] = [];
    decoder.feed(Buffer.concat(this.written), (frame) => frames.push(frame));
    return frames;
  }

  get messages(): unknown[] {
    return this.frames.flatMap((frame) => (frame.type === 'message' ? [frame.data] : []));
  }

  get asked(): number {
    return this.frames.filter(({ type }) => type === 'heartbeat').length;
  }
}

class OpenLink extends FullLink {
  override write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return true;
  }
}

function newSender(): Sender {
  const slab = new Slab();
  return new Sender({
    clock: { ...systemClock, defer: (task) => queueMicrotask(task) },
    encoder: new NativeEncoder({ slab, records: false, maxFrameBytes, maxDepth: 64 }),
    slab,
    reliable: true,
    maxBytes,
    maxMessages: 10_000,
    asker: { left: () => Number.POSITIVE_INFINITY },
    acks: { received: 0, acked: 0, takeAck: () => -1 },
    liveness: { isIdle: false, sending() {} },
  });
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** Sends `count` messages of a kilobyte, which are their numbers at their ends. */
function send(sender: Sender, count: number): void {
  for (const number of numbers(count)) sender.message('', `${number}`.padStart(1_000, ' '), false);
  sender.flush();
}

const taken = (link: FullLink): number[] => link.messages.map((text) => Number(text));

describe('sender', () => {
  it('a link that is full - gets no more than half of what is kept until it drains, and then the rest in order', () => {
    const sender = newSender();
    const link = new FullLink();
    sender.attach(link, 0);
    send(sender, 90);
    expect(link.bufferedBytes).to.be.within(maxBytes / 2, maxBytes / 2 + 33_000);
    while (taken(link).length < 90) {
      link.bufferedBytes = 0;
      const before = link.written.length;
      sender.flush();
      expect(link.written.length).to.be.above(before);
    }
    expect(taken(link)).to.deep.equal(numbers(90));
  });

  it('a link that follows a full one - gets everything that was not received, once', () => {
    const sender = newSender();
    sender.attach(new FullLink(), 0);
    send(sender, 90);
    sender.detach();
    const link = new FullLink();
    expect(sender.attach(link, 40)).to.equal(true);
    link.bufferedBytes = 0;
    sender.flush();
    expect(taken(link)).to.deep.equal(numbers(90).slice(40));
  });

  it('the end - goes out behind all else, however full the link is', () => {
    const sender = newSender();
    const link = new FullLink();
    sender.attach(link, 0);
    send(sender, 90);
    sender.end('done', false, undefined);
    expect(link.messages.slice(0, 90).map(Number)).to.deep.equal(numbers(90));
    expect(link.frames.at(-1)?.type).to.equal('end');
  });

  it('half of what may be unacknowledged - asks for an acknowledgement, once until all of it came', () => {
    const sender = newSender();
    const link = new OpenLink();
    sender.attach(link, 0);
    send(sender, 45);
    expect(link.asked).to.equal(0);
    send(sender, 20);
    const { sequence } = sender.replay;
    send(sender, 20);
    expect([link.asked, sequence]).to.deep.equal([1, 65]);
    sender.replay.acknowledge(50);
    send(sender, 20);
    expect(link.asked).to.equal(1);
    sender.replay.acknowledge(65);
    sender.ask();
    sender.ask();
    expect(link.asked).to.equal(2);
    sender.replay.acknowledge(sender.replay.sequence);
    sender.ask();
    expect(link.asked).to.equal(2);
  });

  it('an acknowledgement that was asked for on a broken link - is asked for again on the next', () => {
    const sender = newSender();
    sender.attach(new OpenLink(), 0);
    send(sender, 1);
    sender.ask();
    sender.detach();
    const link = new OpenLink();
    sender.attach(link, 0);
    sender.ask();
    expect([link.messages.length, link.asked]).to.deep.equal([1, 1]);
  });

  it('a broadcast - is the same bytes for all, and what nobody acknowledged is read from them', () => {
    const links = [new FullLink(), new FullLink()];
    const senders = links.map((link) => {
      const sender = newSender();
      sender.attach(link, 0);
      return sender;
    });
    const all = [{ a: [1] }, undefined, new Float64Array([1.5]), Buffer.from('raw'), 'x'.repeat(40_000)];
    for (const data of all) {
      const message: EncodedMessage = { data };
      for (const sender of senders) sender.encoded('', message, true);
    }
    for (const sender of senders) sender.flush();
    const [first, second] = links.map(({ written }) => written.map(({ buffer }) => buffer));
    expect(first).to.deep.equal(second);
    for (const [at, buffer] of (first ?? []).entries()) expect(buffer === second?.[at]).to.equal(true);
    for (const link of links) expect(link.messages).to.deep.equal(all);
    senders[0]?.replay.acknowledge(1);
    expect(senders.map((sender) => sender.abandon().map(({ data }) => data))).to.deep.equal([all.slice(1), all]);
  });

  for (const [name, kinds, frames] of [
    ['a heartbeat', ['heartbeatReply'], ['heartbeat-reply']],
    ['a question for acknowledgements', ['heartbeat'], ['heartbeat']],
    ['a pause and its end', ['pause', 'resume'], []],
    ['the end of a pause and the next', ['resume', 'pause'], []],
    ['a departure', ['goingAway'], ['going-away']],
  ] as const) {
    it(`${name}, 10,000 times while the link takes nothing - is said once, or not at all`, () => {
      const sender = newSender();
      const link = new FullLink();
      sender.attach(link, 0);
      send(sender, 90);
      for (const _ of numbers(10_000)) for (const kind of kinds) sender.control(kind);
      while (taken(link).length < 90 || link.bufferedBytes > 0) {
        link.bufferedBytes = 0;
        sender.flush();
      }
      const said = link.frames.map(({ type }) => type);
      const expected: readonly string[] = frames;
      // One waited behind the messages, the others together made the next; the sender asks once by itself.
      const times = said.filter((type) => expected.includes(type)).length;
      expect(times).to.be.within(expected.length, 2 * expected.length);
      expect(said.filter((type) => !expected.includes(type) && type !== 'message').length).to.be.at.most(1);
    });
  }

  it('what is said of the link while bytes of the peer are read - is said once, when all of them are', () => {
    const sender = newSender();
    const link = new OpenLink();
    sender.attach(link, 0);
    sender.corked = true;
    for (const _ of numbers(1_000)) sender.control('heartbeatReply');
    expect(link.frames).to.have.length(0);
    sender.uncork(true);
    expect(link.frames.map(({ type }) => type)).to.deep.equal(['heartbeat-reply']);
  });
});
