import * as original from 'node:crypto';
import { expect } from 'chai';
import { EventEmitter as Original } from 'eventemitter3';
import { describe, it } from 'mocha';
import originalRetry from 'p-retry';
import * as originalErrors from '../../lib/base/errors.ts';
import * as errors from '../../lib/browser/errors.ts';
import { EventEmitter } from '../../lib/browser/event-emitter.ts';
import { createHash } from '../../lib/browser/node-crypto.ts';
import retry from '../../lib/browser/retry.ts';
import * as structs from '../../lib/browser/struct-codec.ts';
import * as originalStructs from '../../lib/plugins/rpc/joint/struct-codec.ts';
import { rejection } from '../support/links.ts';

describe('stand-ins of web pages', () => {
  it('event emitter - does what eventemitter3 does with the same calls', () => {
    const run = (emitter: EventEmitter | Original): unknown[] => {
      const heard: unknown[] = [];
      const one = (...args: unknown[]): void => void heard.push(['one', ...args]);
      const two = (...args: unknown[]): void => {
        heard.push(['two', ...args]);
        emitter.off('a', one);
        emitter.on('a', three);
      };
      const three = (): void => void heard.push('three');
      const target = emitter as Original;
      target.on('a', two).on('a', one).once('a', three).on('b', one).on('b', one);
      heard.push(target.listenerCount('a'), target.listenerCount('none'), target.eventNames());
      heard.push(
        target.listeners('a').map((listener) => [one, two, three].indexOf(listener)),
        target.listeners('none'),
      );
      heard.push(target.emit('a', 1, 2), target.emit('a'), target.emit('none'), target.emit('b'));
      target.off('b', one);
      heard.push(target.listenerCount('b'), target.emit('b'), target.eventNames());
      target.removeAllListeners('a');
      heard.push(target.emit('a'));
      const symbol = Symbol('d');
      heard.push(target.on(symbol, one).emit(symbol, 4), target.eventNames().includes(symbol));
      target.on('c', one).removeAllListeners();
      heard.push(target.eventNames());
      return heard;
    };
    expect(run(new EventEmitter())).to.deep.equal(run(new Original()));
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

  it('errors - are the same but for the sentences', () => {
    const cause = new Error('cause');
    for (const { BusError, asBusError } of [errors, originalErrors as unknown as typeof errors]) {
      const error = new BusError('ERR_CLOSED', 'text', { cause, details: { a: 1 } });
      expect(error).to.include({ name: 'BusError', code: 'ERR_CLOSED', message: 'text', cause });
      expect(error.details).to.deep.equal({ a: 1 });
      expect('cause' in new BusError('ERR_CLOSED')).to.equal(false);
      expect(asBusError(error, 'ERR_STATE')).to.equal(error);
      expect(asBusError(cause, 'ERR_STATE')).to.include({ code: 'ERR_STATE', message: 'cause', cause });
      expect(asBusError('text', 'ERR_STATE')).to.include({ code: 'ERR_STATE', message: 'text', cause: 'text' });
    }
    expect(new errors.BusError('ERR_CLOSED').message).to.equal('ERR_CLOSED');
  });

  it('hash - is the SHA-256 of node:crypto', () => {
    for (const text of ['', 'abc', 'grün', 'x'.repeat(55), 'x'.repeat(56), 'x'.repeat(64), 'y'.repeat(1000)]) {
      const expected = original.createHash('sha256').update(text).digest('base64url');
      expect(createHash('sha256').update(text).digest('base64url')).to.equal(expected);
    }
  });

  it('structs - are the plain MessagePack that joint peers read, or refused', () => {
    const value = {
      text: 'grün',
      list: [1, -2, 3.5, null, true],
      at: new Date(5),
      nested: { names: new Map([['a', 1]]) },
    };
    const read = { ...value, nested: { names: { a: 1 } } };
    for (const [one, other] of [
      [structs, originalStructs],
      [originalStructs, structs],
    ] as const) {
      expect(other.unpackStruct(one.packStruct(value))).to.deep.equal(read);
    }
    const bytes = originalStructs.packStruct({ bytes: new Uint8Array([1, 2]) });
    expect(structs.unpackStruct(bytes)).to.deep.equal({ bytes: new Uint8Array([1, 2]) });
    for (const unreadable of [{ bytes: new Uint8Array(2) }, [new Set([1])], new Map([['a', new ArrayBuffer(1)]])]) {
      expect(() => structs.packStruct(unreadable))
        .to.throw()
        .with.property('code', 'ERR_UNENCODABLE');
    }
    for (const { unpackStruct } of [structs, originalStructs]) {
      expect(() => unpackStruct(new Uint8Array([0x92, 1])))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
  });
});
