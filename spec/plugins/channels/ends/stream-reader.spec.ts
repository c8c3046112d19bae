import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { StreamReader } from '../../../../lib/plugins/channels/ends/stream-reader.ts';

describe('streams of joint peers, before their mode is known', () => {
  let heard: string[];
  let malformed: number[];
  let reader: StreamReader;

  beforeEach(() => {
    heard = [];
    malformed = [];
    const sink = {
      data: (user: number, bytes: Uint8Array) => heard.push(`${user} ${Buffer.from(bytes).toString()}`),
      chunk: () => expect.fail('no chunk was sent'),
      remote: () => expect.fail('no call was sent'),
      malformed: (user: number) => malformed.push(user),
    };
    reader = new StreamReader(sink, undefined, 1_000, 1_000);
  });

  it('pieces - are delivered in order once it is, as they were when they came', () => {
    const read = Buffer.from('abc');
    for (const [at, user] of [1, 2, 1].entries()) reader.feed(user, read.subarray(at, at + 1));
    read.fill(0xff);
    reader.decide('data');
    expect(heard).to.deep.equal(['1 a', '2 b', '1 c']);
  });

  it('pieces of a byte - count for more than that, and no more of them are kept', () => {
    for (let count = 0; count < 1_000; count += 1) reader.feed(1, Buffer.from('x'));
    expect(malformed.length).to.be.above(980);
    reader.decide('data');
    expect(heard.length).to.equal(1_000 - malformed.length);
  });

  it('a user that leaves - makes room for the others', () => {
    for (let round = 0; round < 10; round += 1) {
      reader.feed(round, Buffer.alloc(900));
      reader.reset(round);
    }
    expect(malformed).to.deep.equal([]);
    reader.feed(7, Buffer.alloc(900));
    reader.feed(8, Buffer.alloc(900));
    expect(malformed).to.deep.equal([8]);
  });
});
