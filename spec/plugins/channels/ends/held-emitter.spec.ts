import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { HeldEmitter } from '../../../../lib/plugins/channels/ends/held-emitter.ts';

interface Events {
  a: [value: number];
  b: [value: number];
}

class Emitter extends HeldEmitter<Events> {
  put(event: 'a' | 'b', value: number, bytes = 1): void {
    this.raise(event, bytes, value);
  }
}

describe('held events', () => {
  let emitter: Emitter;
  let failures: string[];
  let heard: string[];

  beforeEach(() => {
    failures = [];
    heard = [];
    emitter = new Emitter({
      maxHeldBytes: 100,
      failed: (error) => failures.push(String(error)),
      overflow: (event) => failures.push(`overflow ${event}`),
    });
  });

  const hear = (event: 'a' | 'b'): void => {
    emitter.on(event, (value) => heard.push(`${event}${value}`));
  };

  it('order - what came before is delivered across events as it came, once the turn of the listeners is over', async () => {
    emitter.put('a', 1);
    emitter.put('b', 2);
    emitter.put('a', 3);
    hear('b');
    hear('a');
    emitter.put('b', 4);
    expect(heard).to.deep.equal([]);
    await Promise.resolve();
    expect(heard).to.deep.equal(['a1', 'b2', 'a3', 'b4']);
    emitter.put('a', 5);
    expect(heard.at(-1)).to.equal('a5');
  });

  it('other events - stay kept until somebody wants them', async () => {
    emitter.put('a', 1);
    emitter.put('b', 2);
    hear('a');
    await Promise.resolve();
    emitter.put('b', 3);
    expect(heard).to.deep.equal(['a1']);
    hear('b');
    await Promise.resolve();
    expect(heard).to.deep.equal(['a1', 'b2', 'b3']);
  });

  it('once and off - take a listener away, and then events are kept again', async () => {
    emitter.once('a', (value) => heard.push(`once ${value}`));
    emitter.put('a', 1);
    emitter.put('a', 2);
    expect(heard).to.deep.equal(['once 1']);
    const listener = (value: number): void => void heard.push(`late ${value}`);
    emitter.on('a', listener);
    await Promise.resolve();
    emitter.off('a', listener);
    emitter.put('a', 3);
    expect(heard).to.deep.equal(['once 1', 'late 2']);
    expect(emitter.listenerCount('a')).to.equal(0);
  });

  it('limit - beyond the bytes the newest are not kept, and that is said', async () => {
    emitter.put('a', 1, 60);
    emitter.put('a', 2, 60);
    emitter.put('a', 3, 40);
    hear('a');
    await Promise.resolve();
    expect(heard).to.deep.equal(['a1', 'a3']);
    expect(failures).to.deep.equal(['overflow a']);
  });

  it('failing listeners - are reported and keep nobody from hearing', async () => {
    emitter.on('a', () => {
      throw new Error('at once');
    });
    emitter.on('a', () => Promise.reject(new Error('later')));
    hear('a');
    emitter.put('a', 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).to.deep.equal(['a1']);
    expect(failures).to.deep.equal(['Error: at once', 'Error: later']);
  });
});
