import { expect } from 'chai';
import { describe, it } from 'mocha';
import { shorten } from '../../../lib/base/fingerprint.ts';
import { contractHash, disagreement, fingerprints } from '../../../lib/plugins/rpc/contract.ts';
import type { StandardSchema } from '../../../lib/plugins/rpc/index.ts';

const standard: StandardSchema['~standard'] = { version: 1, vendor: 'spec', validate: (value) => ({ value }) };

/** What one method's fingerprint is with this schema. */
function printOf(input: object): string | undefined {
  return fingerprints(['method'], { method: { input: { '~standard': standard, ...input } } })['method'];
}

/** As its definition has it. */
function reference(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

describe('contracts', () => {
  it('fingerprints - are those of the shape: the same for a copy, others for another shape', () => {
    const shape = (least: number): object => ({
      type: 'object',
      entries: { name: { type: 'string', least } },
      check: () => least,
    });
    expect(printOf(shape(2))).to.equal(printOf(shape(2)));
    expect(printOf(shape(2))).to.not.equal(printOf(shape(3)));
    expect(printOf({ pattern: /a/ })).to.not.equal(printOf({ pattern: /b/ }));
  });

  it('fingerprints - take what the schema says of itself as JSON Schema, and do without where it cannot', () => {
    const schema = (least: number): object => ({
      hidden: Math.random(),
      '~standard': {
        ...standard,
        jsonSchema: { input: () => ({ type: 'string', minLength: least }), output: () => ({}) },
      },
    });
    expect(printOf(schema(2))).to.equal(printOf(schema(2)));
    expect(printOf(schema(2))).to.not.equal(printOf(schema(3)));
    const failing = {
      type: 'date',
      '~standard': {
        ...standard,
        jsonSchema: {
          input: () => {
            throw new Error('no counterpart');
          },
          output: () => ({}),
        },
      },
    };
    expect(printOf(failing)).to.be.a('string');
  });

  it('fingerprints - of schemas that refer to themselves come to an end', () => {
    const tree: Record<string, unknown> = { type: 'node' };
    tree['children'] = [tree];
    expect(printOf(tree)).to.be.a('string');
  });

  it('hash - is FNV-1a of 64 bits, of the bytes in UTF-8', () => {
    const known = { '': 'cbf29ce484222325', a: 'af63dc4c8601ec8c', foobar: '85944171f73967e8' };
    for (const [text, hash] of Object.entries(known)) expect(shorten(text)).to.equal(hash);
    for (let at = 0; at < 200; at++) {
      const text = 'x'.repeat(at) + String.fromCodePoint(0x80 + at * 97);
      expect(shorten(text)).to.equal(reference(text));
    }
  });

  it('hash - does not depend on the order of the methods', () => {
    const one = fingerprints(['a', 'b'], {});
    const other = fingerprints(['b', 'a'], {});
    expect(contractHash(one)).to.equal(contractHash(other));
    expect(contractHash(one)).to.not.equal(contractHash(fingerprints(['a'], {})));
  });

  it('disagreement - names what is missing and what changed; what one side says nothing about fits', () => {
    expect(disagreement({ a: 'x', b: '' }, { a: 'x', b: 'y', c: 'z' })).to.equal(undefined);
    expect(disagreement({ a: 'x', gone: '' }, { a: 'y' })).to.contain('missing: gone; changed: a');
    expect(disagreement({ toString: '' }, {})).to.contain('missing: toString');
  });
});
