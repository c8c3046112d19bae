import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { GuardedEmitter } from '../../lib/base/emitter.ts';
import { Handling } from '../../lib/base/handling.ts';

interface Events {
  said(text: string): unknown;
}

class Speaker extends GuardedEmitter<Events> {
  say(text: string): boolean {
    return this.fire('said', text);
  }

  sayHandled(handling: Handling, text: string): void {
    this.fireHandled(handling, 'said', text);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('guarded emitter', () => {
  it('listeners - one that throws or rejects is reported, and the others are called', async () => {
    const failures: unknown[] = [];
    const speaker = new Speaker((error) => failures.push(error));
    const heard: string[] = [];
    const foreign = runInNewContext(`(text) => Promise.reject('of another realm: ' + text)`) as Events['said'];
    speaker.on('said', () => {
      throw new Error('thrown');
    });
    speaker.on('said', () => Promise.reject(new Error('rejected')));
    speaker.on('said', foreign);
    speaker.on('said', runInNewContext(`() => ({ then: (_, fail) => fail('a thenable') })`) as Events['said']);
    speaker.on('said', (text) => heard.push(text));
    expect(speaker.say('hello')).to.equal(true);
    await turn();
    expect(heard).to.deep.equal(['hello']);
    expect(failures.map((error) => (error instanceof Error ? error.message : error))).to.have.members([
      'thrown',
      'rejected',
      'of another realm: hello',
      'a thenable',
    ]);
  });

  it('listeners - what is no function is refused', () => {
    const speaker = new Speaker(() => undefined);
    for (const method of ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const) {
      for (const wrong of [undefined, null, 5, 'text', {}]) {
        expect(
          () => (speaker as { on(event: string, listener: unknown): unknown })[method as 'on']('said', wrong),
          method,
        ).to.throw(TypeError, '"said"');
      }
    }
    expect(speaker.listenerCount('said')).to.equal(0);
    expect(speaker.say('hello')).to.equal(false);
  });

  it('handling - is over when the last listener is, and knows of the one that failed', async () => {
    const speaker = new Speaker(() => undefined);
    const results: unknown[] = [];
    const handling = new Handling((handlers, failure) => results.push([handlers, failure?.error]));
    let finish: () => void = () => undefined;
    speaker.on('said', () => new Promise<void>((resolve) => (finish = resolve)));
    speaker.on('said', () => Promise.reject('failed'));
    speaker.sayHandled(handling, 'hello');
    handling.done();
    await turn();
    expect(results).to.deep.equal([]);
    finish();
    await turn();
    expect(results).to.deep.equal([[2, 'failed']]);
  });
});
