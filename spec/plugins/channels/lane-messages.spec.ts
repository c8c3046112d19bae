import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  isName,
  isRefusal,
  isRoomInfo,
  readPeerMessage,
  readRelayMessage,
  readRequest,
} from '../../../lib/plugins/channels/lane-messages.ts';
import { Reason } from '../../../lib/plugins/channels/reason.ts';

const membership = { room: 1, number: 0, maxChunkBytes: 100, maxPayloadBytes: 200 };
const peer = { id: 'a', joint: false };

describe('messages of the channels lane', () => {
  const read = {
    'of a peer': [
      readPeerMessage,
      [
        ['leave', 1],
        ['kick', 1, 256, null],
        ['unblock', 1, 'id'],
        ['skip', 1, [256]],
        ['publish', 'a', undefined],
      ],
      [['leave'], ['leave', {}], ['kick', 1], ['unblock', 1, {}], ['skip', 1, 5], ['publish'], ['subscribe', 5]],
    ],
    'of the relay': [
      readRelayMessage,
      [
        ['created', 1, membership],
        ['entered', 1, membership, 256, peer],
        ['gone', 1, Reason.KICK, 'out'],
        ['trouble', 1, Reason.FULL, null],
        ['topic', 'a', { any: 'thing' }],
      ],
      [
        ['created', 1, { room: 1 }],
        ['entered', 1, membership, 256],
        ['userConnect', 1, 256, { id: 5, joint: false }],
        ['gone', 1, 99, null],
        ['closed', -1, Reason.CLOSE],
        ['credit', 1, 256],
      ],
    ],
    'that ask': [
      readRequest,
      [['list'], ['create', 1, 'room', null], ['enter', 1, 'room', 100]],
      [['create'], ['create', 'x', 'y'], ['enter', 1, null, 5]],
    ],
  } as const;

  for (const [name, [reader, right, wrong]] of Object.entries(read)) {
    it(`${name} - are read as they are, and refused where a member is not what it has to be`, () => {
      for (const data of right) expect(reader(data)).to.equal(data);
      for (const data of [...wrong, null, 5, 'leave', {}, [], [null], ['nonsense', 1]]) {
        expect(() => reader(data), JSON.stringify(data))
          .to.throw()
          .with.property('code', 'ERR_PROTOCOL');
      }
    });
  }

  it('answers - a refusal has a reason and perhaps a text, and a channel in a list all its members', () => {
    expect(isRefusal([Reason.ID, null])).to.equal(true);
    for (const other of [null, [], [99, null], [Reason.ID, 5], 'x']) expect(isRefusal(other)).to.equal(false);
    expect(isRoomInfo({ id: 'a', users: 1, maxUsers: 2 })).to.equal(true);
    for (const other of [null, {}, { id: 'a', users: 1 }, { id: 'a', users: '1', maxUsers: 2 }]) {
      expect(isRoomInfo(other)).to.equal(false);
    }
  });
});

describe('names of channels and topics', () => {
  it('length - is counted in bytes of UTF-8, 255 at the most', () => {
    for (const unit of ['a', 'ü', '€', '😀', '\ud800']) {
      const bytes = Buffer.byteLength(unit);
      const most = Math.floor(255 / bytes);
      expect(isName(unit.repeat(most)), unit).to.equal(true);
      expect(isName(unit.repeat(most) + 'x'.repeat(255 - most * bytes)), unit).to.equal(true);
      expect(isName(unit.repeat(most + 1)), unit).to.equal(false);
      expect(isName(unit.repeat(most) + 'x'.repeat(256 - most * bytes)), unit).to.equal(false);
    }
  });

  it('others - the empty text and what is no text are none', () => {
    for (const value of ['', 5, null, undefined, ['a']]) expect(isName(value)).to.equal(false);
  });
});
