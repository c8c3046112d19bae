import { pack } from 'msgpackr';
import { stretchMessage } from '../../lib/plugins/journal/format/lane-messages.ts';
import { recordHeaderBytes, sealRecord } from '../../lib/plugins/journal/log/record.ts';
import { messageHead } from '../../lib/plugins/journal/format/message-record.ts';
import { requestBody } from '../../lib/plugins/journal/format/request-body.ts';
import type { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { Encoding, FrameType } from '../../lib/wire/native/header.ts';
import { frame } from '../support/stranger.ts';
import { alter } from './alter.ts';
import { mutate } from './mutate.ts';

const idOf = (number: number): string => Buffer.from(String(number).padStart(16, '0')).toString('base64url');
const seven = Uint8Array.of(7);

function recordOf(sequence: number, body: Uint8Array): Uint8Array {
  const content = Buffer.concat([messageHead(1), body]);
  const record = Buffer.concat([Buffer.alloc(recordHeaderBytes), content]);
  sealRecord(record, 0, content.length, sequence);
  return record;
}

/** Messages, a request, and what is neither, behind that sequence; sometimes damaged. */
export function stretchOf(journal: string, after: number, random: SeededRandom): Uint8Array {
  const bodies = [seven, requestBody({ key: `key ${random.between(0, 9)}`, data: seven }), Uint8Array.of(0xc1, 9, 9)];
  const records = Array.from({ length: random.between(1, 5) }, (_, at) =>
    recordOf(after + 1 + at, random.pick(bodies)),
  );
  const stretch = stretchMessage({ journal, follows: random.pick([0, 0, 0, after]) }, Buffer.concat(records));
  return random.chance(0.2) ? mutate([stretch], random) : stretch;
}

/** What is said on the lane of journals, either way, of this one. */
export function wordsOf(folder: string, journal: string, random: SeededRandom): unknown[] {
  const sequence = random.between(0, 20);
  return [
    [folder, [[journal, sequence]]],
    ['ask', [['=key 1', journal]]],
    ['got', `#${journal}.3`],
    'heard',
    [journal, sequence],
    ['answer', '=key 1', journal, false, seven],
    ['closed', 'It failed'],
    'who',
    'leave',
    [65_536, [[journal, sequence]], sequence],
  ];
}

/** What a client says that has a journal, or says so: it opens it, most of the time, and says the rest in any order. */
export function sayJournal(_corpus: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const [folder, journal] = [idOf(random.between(0, 40)), idOf(random.between(0, 300))];
  const lane = 1;
  let id = 1;
  const changed = (value: unknown): unknown => (random.chance(0.3) ? alter(value, random) : value);
  const asked = (value: unknown): Buffer => frame(FrameType.request, Encoding.plain, lane, id++, pack(changed(value)));
  const told = (value: unknown): Buffer => frame(FrameType.message, Encoding.plain, lane, 0, pack(changed(value)));
  const frames = [frame(FrameType.open, Encoding.plain, lane, 0, pack('journal'))];
  const words = wordsOf(folder, journal, random);
  if (random.chance(0.9)) frames.push(asked(words[0]));
  for (let count = random.between(1, 12); count > 0; count--) {
    if (random.chance(0.5)) {
      const bytes = Buffer.concat([Buffer.from([0]), stretchOf(journal, random.between(0, 20), random)]);
      frames.push(frame(FrameType.message, Encoding.raw, lane, 0, bytes));
    } else {
      frames.push(random.chance(0.5) ? asked(random.pick(words)) : told(random.pick(words)));
    }
  }
  return Buffer.concat(frames);
}
