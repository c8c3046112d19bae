import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { parseJson, toJson } from '../../../lib/wire/codec/json.ts';

/** The word with letters written as escapes, chosen by the bits of `mask`. */
function escaped(mask: number): string {
  return [...'__proto__']
    .map((letter, at) => {
      if ((mask & (1 << at)) === 0) return letter;
      const code = letter.charCodeAt(0).toString(16).padStart(4, '0');
      return `\\u${(mask & 512) === 0 ? code : code.toUpperCase()}`;
    })
    .join('');
}

describe('json', () => {
  it('a key __proto__ - is dropped however it is written', () => {
    for (let mask = 0; mask < 1024; mask++) {
      const value = parseJson(`{"a":[{"${escaped(mask)}":{"admin":true},"b":1}]}`);
      expect(value, String(mask)).to.deep.equal({ a: [{ b: 1 }] });
      expect(Object.getOwnPropertyNames((value as { a: object[] }).a[0])).to.deep.equal(['b']);
    }
  });

  it('all else - is what JSON.parse makes of it', () => {
    const word = fc.constantFrom('__proto__', '__proto', '_proto__', '\\u005', '\u001b', 'constructor');
    const value = fc.jsonValue().chain((inner) => fc.tuple(word, fc.constant(inner)));
    fc.assert(
      fc.property(value, (data) => {
        const text = toJson(data)!;
        expect(text).to.equal(JSON.stringify(data));
        if (!text.includes('"__proto__":')) expect(parseJson(text)).to.deep.equal(JSON.parse(text));
      }),
    );
    expect(toJson(undefined)).to.equal(undefined);
  });
});
