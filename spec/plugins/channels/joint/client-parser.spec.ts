import { expect } from 'chai';
import { describe, it } from 'mocha';
import { JointClientParser } from '../../../../lib/plugins/channels/joint/client-parser.ts';
import { hex, splits, toHex } from './vectors.ts';

/** What a parser made of its bytes; data parts of one unit are joined. */
function parse(parts: readonly Uint8Array[]): string[] {
  const heard: string[] = [];
  const data = (head: string, bytes: Uint8Array): void => {
    const last = heard.at(-1);
    if (last?.startsWith(`${head}:`) === true) heard[heard.length - 1] = last + toHex(bytes);
    else heard.push(`${head}:${toHex(bytes)}`);
  };
  const parser = new JointClientParser({
    create: (tag, id) => heard.push(`create ${tag} ${Buffer.from(id).toString()}`),
    enter: (tag, id) => heard.push(`enter ${tag} ${Buffer.from(id).toString()}`),
    leave: (joint) => heard.push(`leave ${joint}`),
    remove: (joint) => heard.push(`remove ${joint}`),
    toOwner: (joint, bytes) => data(`owner ${joint}`, bytes),
    toUser: (joint, user, bytes) => data(`user ${joint} ${user}`, bytes),
    broadcast: (joint, except, bytes) => data(`all ${joint} ${except ?? 'none'}`, bytes),
  });
  for (const part of parts) parser.feed(part);
  return heard;
}

const long = '61'.repeat(299);
const vectors: readonly (readonly [what: string, bytes: string, heard: readonly string[]])[] = [
  ['create', '00 00 01 04 77697265', ['create 1 wire']],
  ['enter', '00 01 01 04 77697265', ['enter 1 wire']],
  ['create with an empty id', '00 00 ff 00', ['create 255 ']],
  ['leave', '00 02 00 01 05', ['leave 5']],
  ['delete', '00 03 00 01 7f', ['remove 127']],
  ['leave that states a wrong length', '00 02 00 03 05 03 00 6869', ['leave 5', 'owner 0:6869']],
  ['a user to its owner', '03 00 796f', ['owner 0:796f']],
  ['an owner to user 0', '04 80 00 6869', ['user 0 0:6869']],
  ['an owner to user 255 of channel 127', '04 ff ff 6869', ['user 127 255:6869']],
  ['a long unit of a user', `81 2d 00 ${long}61`, [`owner 0:${long}61`]],
  ['a long unit of an owner', `81 2d 80 07 ${long}`, [`user 0 7:${long}`]],
  ['a short size in the long form', '80 03 00 6869', ['owner 0:6869']],
  ['broadcast to all', '01 01 04 80 616263', ['all 0 none:616263']],
  ['broadcast to all but user 0', '01 00 06 80 00 61626364', ['all 0 0:61626364']],
  ['broadcast to all, any mode but 0', '01 07 03 81 6162', ['all 1 none:6162']],
  ['broadcast prefix before a unit of a user', '01 01 03 00 6869 04 80 00 6162', ['owner 0:6869', 'user 0 0:6162']],
  ['unit of an owner without data', '02 80 00 03 00 6869', ['owner 0:6869']],
  ['unit of a broadcast without data', '01 01 80 01 80 03 00 6869', ['owner 0:6869']],
  [
    'two commands and data in one go',
    '00 00 01 01 61 00 01 02 01 62 03 00 6869',
    ['create 1 a', 'enter 2 b', 'owner 0:6869'],
  ],
];

describe('joint client parser', () => {
  for (const [what, bytes, heard] of vectors) {
    it(`vector - ${what} is read however it is split`, () => {
      for (const parts of splits(hex(bytes))) expect(parse(parts)).to.deep.equal(heard);
    });
  }

  it('data - parts are handed on as they arrive, without waiting for the unit', () => {
    const parts: string[] = [];
    const nothing = (): void => undefined;
    const parser = new JointClientParser({
      create: nothing,
      enter: nothing,
      leave: nothing,
      remove: nothing,
      toOwner: (joint, bytes) => parts.push(`${joint}:${toHex(bytes)}`),
      toUser: nothing,
      broadcast: nothing,
    });
    parser.feed(hex('05 03 61'));
    parser.feed(hex('6263'));
    parser.feed(hex('64'));
    expect(parts).to.deep.equal(['3:61', '3:6263', '3:64']);
  });

  it('largest unit - 32,767 bytes pass, of user, owner and broadcast', () => {
    const data = Buffer.alloc(32_766, 7);
    expect(parse([hex('ff ff 00'), data])[0]).to.have.length('owner 0:'.length + 2 * 32_766);
    expect(parse([hex('ff ff 80'), data])[0]).to.have.length('user 0 7:'.length + 2 * 32_765);
    expect(parse([hex('01 01 ff ff 80'), data])[0]).to.have.length('all 0 none:'.length + 2 * 32_766);
  });

  const malformed: readonly (readonly [string, string])[] = [
    ['command 4', '00 04'],
    ['command 255', '00 ff'],
    ['create with tag 0', '00 00 00'],
    ['enter with tag 0', '00 01 00'],
    ['a unit of size 0', '80 00'],
    ['a command behind a broadcast prefix', '01 01 00'],
    ['a prefix behind a broadcast prefix', '01 01 01'],
  ];
  for (const [what, bytes] of malformed) {
    it(`malformed - ${what} is refused however it is split`, () => {
      for (const parts of splits(hex(bytes))) {
        expect(() => parse(parts))
          .to.throw()
          .with.property('code', 'ERR_PROTOCOL');
      }
    });
  }
});
