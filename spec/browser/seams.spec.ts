import { expect } from 'chai';
import { describe, it } from 'mocha';
import originalRetry from 'p-retry';
import { BusEmitter as PageEmitter } from '../../lib/browser/emitter.ts';
import { BusEmitter, type Emitter } from '../../lib/base/emitter.ts';
import retry from '../../lib/browser/retry.ts';
import { rejection } from '../support/links.ts';

describe('seams, as pages have them', () => {
  it('emitter - does what the one of Node does with the same calls', () => {
    const failures: unknown[] = [];
    class InPage extends PageEmitter<Record<string, (...args: never[]) => unknown>> {
      protected override listenerFailed(...args: unknown[]): void {
        failures.push(args);
      }
    }
    class InNode extends BusEmitter<Record<string, (...args: never[]) => unknown>> {
      protected override listenerFailed(...args: unknown[]): void {
        failures.push(args);
      }
    }
    const run = (target: Emitter<Record<string, (...args: never[]) => unknown>>): unknown[] => {
      const heard: unknown[] = [];
      const other = { name: 'other' };
      const one = (...args: unknown[]): void => void heard.push(['one', ...args]);
      const two = (...args: unknown[]): void => {
        heard.push(['two', ...args]);
        target.off('a', one);
        target.on('a', three);
      };
      const three = (): void => void heard.push('three');
      function named(this: unknown): void {
        heard.push(this === other ? 'other' : this === target);
      }
      const thrown = new Error('thrown');
      target.on('a', two).on('a', one).once('a', three).on('b', one).addListener('b', one);
      heard.push(target.listenerCount('a'), target.listenerCount('none'), target.eventNames());
      heard.push(target.emit('a', 1, 2), target.emit('a'), target.emit('none'), target.emit('b'));
      target.off('b', one);
      heard.push(target.listenerCount('b'), target.emit('b'), target.eventNames());
      target.removeAllListeners('a');
      heard.push(target.emit('a'));
      target.on('d', named, other).on('d', named).prependListener('d', three).prependOnceListener('d', one);
      heard.push(
        target.listeners('d').map((listener) => [one, three, named].indexOf(listener)),
        target.emit('d', 1),
      );
      target.removeListener('d', named, other).off('d', three, undefined, true);
      heard.push(target.listenerCount('d'), target.emit('d'));
      target.on('e', () => {
        throw thrown;
      });
      heard.push(target.emit('e', 5), failures.splice(0));
      expect(() => target.on('f', 5 as never)).to.throw(TypeError, '"f"');
      target.setMaxListeners(1).on('c', one).removeAllListeners();
      heard.push(target.eventNames(), target.getMaxListeners());
      return heard;
    };
    expect(run(new InPage())).to.deep.equal(run(new InNode()));
  });

  it('retry - settles as p-retry does with the same attempts', async () => {
    const run = async (implementation: typeof retry): Promise<unknown[]> => {
      const seen: unknown[] = [];
      const attempt = (failures: number, retries: number, allowed = Infinity): Promise<unknown> => {
        let count = 0;
        const once = async (): Promise<string> => {
          count += 1;
          if (count <= failures) throw new Error(`failure ${count}`);
          return `done ${count}`;
        };
        const options = {
          retries,
          minTimeout: 0,
          signal: new AbortController().signal,
          shouldRetry: async ({ error, attemptNumber }: { error: Error; attemptNumber: number }) => {
            seen.push([error.message, attemptNumber]);
            return attemptNumber < allowed;
          },
        };
        return implementation(once, options).catch((error: Error) => error.message);
      };
      return [
        await attempt(0, 3),
        await attempt(2, 3),
        await attempt(9, 3),
        await attempt(9, 0),
        await attempt(9, 5, 2),
        seen,
      ];
    };
    expect(await run(retry)).to.deep.equal(await run(originalRetry));
  });

  it('retry - makes no attempt once it was aborted', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    let attempts = 0;
    const options = { retries: 3, signal, shouldRetry: async () => true };
    expect(await rejection(retry(async () => (attempts += 1), options))).to.equal(reason);
    expect(attempts).to.equal(0);
  });
});
