import { expect } from 'chai';
import { describe, it } from 'mocha';
import * as is from '../../lib/base/shape.ts';

const list = is.listReader('room note', {
  kick: [is.count(99), is.optional(is.text(5))],
  skip: [is.listOf(is.count(), 3)],
  leave: [],
});
const object = is.objectReader('port message', {
  open: { port: is.count(65_535), protocol: is.oneOf('tcp', 'udp') },
  data: { at: is.tuple(is.flag, is.bytes), more: is.object({ any: is.anything, all: is.record }) },
});

/** The message of the `ERR_PROTOCOL` that reading fails with. */
function fault(read: (data: unknown) => unknown, data: unknown): string {
  try {
    read(data);
  } catch (error) {
    expect(error).to.have.property('code', 'ERR_PROTOCOL');
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(data)} was read`);
}

describe('shapes', () => {
  it('lists - are read by their name, and typed by it', () => {
    const note = list(['kick', 7, 'bye', 'of a later version']);
    if (note[0] !== 'kick') throw new Error('another name');
    const [, user, why]: readonly ['kick', number, string | null | undefined] = note;
    expect([user, why]).to.deep.equal([7, 'bye']);
    for (const data of [['kick', 0], ['kick', 0, null], ['skip', []], ['skip', [1, 2, 3]], ['leave'], ['leave', 5]]) {
      expect(list(data)).to.equal(data);
    }
  });

  it('lists - that are none of the table are refused with what is wrong', () => {
    for (const data of [
      undefined,
      null,
      5,
      'kick',
      {},
      [],
      ['other'],
      [['kick']],
      ['__proto__'],
      ['constructor'],
      { 0: 'kick' },
    ]) {
      expect(fault(list, data)).to.equal('Not a valid room note');
    }
    for (const wrong of [-1, 0.5, 100, Number.NaN, '7', null, undefined, 7n]) {
      expect(fault(list, ['kick', wrong])).to.equal('The room note "kick" has a wrong member: 1');
    }
    for (const wrong of [5, 'longer', {}, []]) {
      expect(fault(list, ['kick', 7, wrong])).to.equal('The room note "kick" has a wrong member: 2');
    }
    for (const wrong of [undefined, 5, [-1], [1, 2, 3, 4], { length: 0 }])
      expect(fault(list, ['skip', wrong])).to.match(/1$/);
  });

  it('objects - are read by their op, and typed by it', () => {
    const message = object({ op: 'open', port: 80, protocol: 'udp', later: true });
    if (message.op !== 'open') throw new Error('another op');
    const protocol: 'tcp' | 'udp' = message.protocol;
    expect([message.port, protocol]).to.deep.equal([80, 'udp']);
    object({ op: 'data', at: [true, Buffer.from('x')], more: { any: undefined, all: {} } });
  });

  it('objects - that are none of the table are refused with what is wrong', () => {
    for (const data of [
      undefined,
      null,
      'open',
      [],
      ['open'],
      {},
      { op: 'other' },
      { op: ['open'] },
      { op: 'toString' },
    ]) {
      expect(fault(object, data)).to.equal('Not a valid port message');
    }
    expect(fault(object, { op: 'open', protocol: 'tcp' })).to.equal('The port message "open" has a wrong member: port');
    expect(fault(object, { op: 'open', port: 65_536, protocol: 'tcp' })).to.match(/port$/);
    expect(fault(object, { op: 'open', port: 1, protocol: 'sctp' })).to.match(/protocol$/);
    const good = { at: [false, new Uint8Array(1)], more: { all: {} } };
    expect(object({ op: 'data', ...good })).to.deep.equal({ op: 'data', ...good });
    for (const at of [undefined, [], [1, new Uint8Array(1)], [true, [1]], { 0: true, 1: new Uint8Array(1) }]) {
      expect(fault(object, { op: 'data', ...good, at })).to.match(/at$/);
    }
    for (const more of [undefined, [], { all: [] }, { all: null }]) {
      expect(fault(object, { op: 'data', ...good, more })).to.match(/more$/);
    }
  });
});
