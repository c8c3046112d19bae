import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Clock } from '../../lib/base/clock.ts';
import { LinkPort, type LinkReader } from '../../lib/session/link-port.ts';
import type { Link, LinkEvents } from '../../lib/transport/link.ts';
import { createDeflater, createInflater } from '../../lib/wire/fast-zlib.ts';
import { BlockWriter } from '../../lib/wire/compression.ts';

/** A link that is fed by the spec and notes what is asked of it. */
class FakeLink implements Link {
  readonly kind = 'unix';
  readonly remote = '';
  readonly trusted = true;
  readonly socket = undefined;
  readonly bufferedBytes = 0;
  readonly asked: string[] = [];
  events!: LinkEvents;

  attach(events: LinkEvents): void {
    this.events = events;
  }

  write(): boolean {
    return true;
  }

  pause(): void {
    this.asked.push('pause');
  }

  resume(): void {
    this.asked.push('resume');
  }

  end(): void {}

  destroy(): void {}

  release(): undefined {
    return undefined;
  }
}

describe('a reader that takes its time', () => {
  let link: FakeLink;
  let port: LinkPort;
  let turns: (() => void)[];
  let heard: string[];
  /** How many bytes the reader takes in a turn. */
  let most: number;

  const clock: Clock = {
    now: () => 0,
    setTimer: () => ({ cancel() {} }),
    defer: (task) => void turns.push(task),
  };
  const reader: LinkReader = {
    read(bytes) {
      const taken = Math.min(bytes.length, most);
      heard.push(Buffer.from(bytes.subarray(0, taken)).toString());
      return taken;
    },
    drained() {},
    closed: () => void heard.push('close'),
    failed: ({ code }) => void heard.push(code),
  };
  const turn = (): void => turns.splice(0).forEach((task) => task());
  const data = (text: string): void => link.events.data(Buffer.from(text));

  beforeEach(() => {
    link = new FakeLink();
    turns = [];
    heard = [];
    most = 3;
    port = new LinkPort(link, clock);
  });

  afterEach(() => link.events.close());

  it('what it leaves - comes again turn by turn, the link standing still meanwhile', () => {
    port.read(reader);
    data('abcdefgh');
    expect(heard).to.deep.equal(['abc']);
    expect(link.asked).to.deep.equal(['pause']);
    data('ij');
    turn();
    expect(heard).to.deep.equal(['abc', 'def']);
    turn();
    expect(heard).to.deep.equal(['abc', 'def', 'gh', 'ij']);
    expect(link.asked).to.deep.equal(['pause', 'pause', 'resume']);
  });

  it('a link that its reader paused - stays so when all was read', () => {
    port.read(reader);
    data('abcde');
    port.pause();
    turn();
    expect(link.asked.filter((what) => what === 'resume')).to.deep.equal([]);
    port.resume();
    expect(link.asked.at(-1)).to.equal('resume');
  });

  it('one that is resumed while something waits - is read on when that was read', () => {
    port.read(reader);
    data('abcde');
    port.pause();
    port.resume();
    expect(link.asked).not.to.include('resume');
    turn();
    expect(link.asked.at(-1)).to.equal('resume');
  });

  it('the close - is heard behind all that came', () => {
    port.read(reader);
    data('abcdefgh');
    link.events.close();
    expect(heard).to.deep.equal(['abc']);
    turn();
    turn();
    expect(heard).to.deep.equal(['abc', 'def', 'gh', 'close']);
  });

  it('what nobody is to read any more - is dropped', () => {
    port.read(reader);
    data('abcdefgh');
    port.forget();
    data('ij');
    turn();
    link.events.close();
    expect(heard).to.deep.equal(['abc']);
    expect(turns).to.deep.equal([]);
  });

  it('what one reader left - comes to the next one', () => {
    port.read({
      ...reader,
      read: () => {
        port.read(undefined);
        return 2;
      },
    });
    data('abcde');
    data('fg');
    port.read(reader);
    expect(heard).to.deep.equal(['cde', 'fg']);
    expect(turns).to.deep.equal([]);
  });

  it('compressed blocks - are inflated one at a time, and only as they are read', () => {
    const inflater = createInflater(65_536);
    let inflated = 0;
    const counting = {
      process(bytes: Uint8Array) {
        inflated += 1;
        return inflater.process(bytes);
      },
      close: () => inflater.close(),
    };
    const writer = new BlockWriter(createDeflater());
    const plain = 'x'.repeat(100);
    const bytes = Buffer.concat([plain, plain, plain].flatMap((text) => writer.wrap(Buffer.from(text))));
    port.compress(createDeflater(), counting);
    most = 60;
    port.read(reader);
    link.events.data(bytes);
    link.events.close();
    const seen = [inflated];
    for (let turned = 0; turned < 5; turned++) {
      turn();
      seen.push(inflated);
    }
    expect(seen).to.deep.equal([1, 2, 3, 3, 3, 3]);
    expect(heard.join('')).to.equal(`${plain.repeat(3)}close`);
  });
});
