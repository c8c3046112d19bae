import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Damage, Log } from '../../../lib/plugins/journal/index.ts';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { Disk } from './disk.ts';

const bodyOf = (number: number): string => `${number}:${'x'.repeat(number % 40)}`;

interface Opened {
  readonly texts: string[];
  readonly damages: Damage[];
}

/** Opens a log, returns what is in it, and checks that it goes on under numbers that were not given before. */
async function reopen(disk: Disk): Promise<Opened> {
  const texts: string[] = [];
  let last = 0;
  const visit = (sequence: number, bytes: Uint8Array, start: number, end: number): void => {
    texts.push(Buffer.from(bytes.subarray(start, end)).toString());
    last = sequence;
  };
  const log = await Log.open('f', { files: disk }, { visit });
  const damages = log.damages.map(({ code, details }) => {
    expect(code).to.equal('ERR_JOURNAL_CORRUPT');
    return details as Damage;
  });
  expect(log.append(Buffer.from('next'))).to.equal(last + 1);
  await log.close();
  return { texts, damages };
}

/** Three segments of so many records, with where each record of each begins. */
async function threeSegments(perSegment: number): Promise<{ disk: Disk; paths: string[]; starts: number[][] }> {
  const disk = new Disk(new SeededRandom(1));
  for (let segment = 0; segment < 3; segment++) {
    const log = await Log.open('f', { files: disk });
    for (let at = 1; at <= perSegment; at++) log.append(Buffer.from(bodyOf(segment * perSegment + at)));
    await log.close();
  }
  const paths = disk.names.filter((name) => name.endsWith('.log')).sort();
  const starts = paths.map((path) => {
    const bytes = disk.contentOf(path);
    const found: number[] = [];
    for (let at = 52; at < bytes.length; at += 16 + bytes.readUInt32LE(at)) found.push(at);
    return found;
  });
  return { disk, paths, starts };
}

const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => bodyOf(from + index));

describe('journal, damaged logs', () => {
  it('cut - at every byte of three segments: what is before and the segments behind are kept, the rest is told of', async () => {
    const per = 8;
    const { disk, paths, starts } = await threeSegments(per);
    expect(paths).to.have.length(3);
    for (const [segment, path] of paths.entries()) {
      const { length } = disk.contentOf(path);
      for (let cut = 0; cut < length; cut++) {
        const copy = disk.killed();
        const file = await copy.open(path);
        await file.truncate(cut);
        const { texts, damages } = await reopen(copy);
        const whole = (starts[segment] ?? []).filter((_, index, all) => (all[index + 1] ?? length) <= cut).length;
        const kept = [
          ...range(1, segment * per + whole),
          ...(segment < 2 ? range((segment + 1) * per + 1, 3 * per) : []),
        ];
        expect(texts, `${path} at ${cut}`).to.deep.equal(kept);
        const offset = cut < 52 ? 0 : (starts[segment]?.[whole] ?? length);
        const expected = cut === offset ? [] : [{ file: path, offset, bytes: cut - offset, torn: segment === 2 }];
        expect(damages, `${path} at ${cut}`).to.deep.equal(expected);
      }
    }
  });

  it('bits - one flipped in each byte of each record: it and what is behind it in its segment is moved aside', async () => {
    const per = 8;
    const { disk, paths, starts } = await threeSegments(per);
    for (const [segment, path] of paths.entries()) {
      const before = disk.contentOf(path);
      for (let at = 0; at < before.length; at++) {
        const copy = disk.killed();
        const bytes = Buffer.from(before);
        bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
        await (await copy.open(path)).write([bytes], 0);
        const { texts, damages } = await reopen(copy);
        const whole = (starts[segment] ?? []).filter((_, index, all) => (all[index + 1] ?? before.length) <= at).length;
        const kept = at < 52 ? 0 : whole;
        const offset = at < 52 ? 0 : (starts[segment]?.[whole] ?? 0);
        expect(texts, `${path} at ${at}`).to.deep.equal([
          ...range(1, segment * per + kept),
          ...range((segment + 1) * per + 1, 3 * per),
        ]);
        const damage = { file: path, offset, bytes: before.length - offset, torn: false };
        expect(damages, `${path} at ${at}`).to.deep.equal([damage]);
        expect(copy.contentOf(`${path}.damaged`).equals(bytes.subarray(offset))).to.equal(true);
      }
    }
  });

  it('repair - is done once, keeps what was moved aside before, and is done again where it was cut off', async () => {
    const { disk, paths } = await threeSegments(3);
    const [path = ''] = paths;
    for (let round = 0; round < 2; round++) {
      const bytes = Buffer.from(disk.contentOf(path));
      bytes[bytes.length - 1 - round] = 0xff;
      await (await disk.open(path)).write([bytes], 0);
      disk.failing.set('truncate', 'EIO');
      const error = await Log.open('f', { files: disk }).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('code', 'ERR_JOURNAL');
      disk.failing.clear();
      expect((await reopen(disk)).damages).to.have.length(1);
      expect((await reopen(disk)).damages).to.have.length(0);
    }
    expect(disk.names.filter((name) => name.endsWith('.damaged'))).to.have.length(4);
  });

  it('full disk - what is whole can be read, no file is left behind, and what is damaged stays until there is room', async () => {
    const per = 3;
    const { disk, paths, starts } = await threeSegments(per);
    const [torn = '', damaged = ''] = [paths[2], paths[0]];
    const at = starts[0]?.[1] ?? 0;
    const whole = Buffer.from(disk.contentOf(torn));
    await (await disk.open(torn)).truncate(whole.length - 1);
    const bytes = disk.contentOf(damaged);
    bytes[at + 17] = (bytes[at + 17] ?? 0) ^ 1;
    disk.room = 0;
    for (let attempt = 0; attempt < 3; attempt++) {
      const texts: string[] = [];
      const log = await Log.open(
        'f',
        { files: disk },
        { visit: (_, bytes, start, end) => texts.push(Buffer.from(bytes.subarray(start, end)).toString()) },
      );
      expect(texts).to.deep.equal([...range(1, 1), ...range(4, 8)]);
      const found = log.damages.map(({ details }) => details as Damage);
      expect(found.map((damage) => damage.torn)).to.deep.equal(attempt === 0 ? [false, true] : [false]);
      await log.close();
      expect(disk.names.sort()).to.deep.equal(paths);
    }
    expect(disk.contentOf(torn)).to.deep.equal(whole.subarray(0, starts[2]?.[2]));
    disk.room = 10_000;
    const { texts, damages } = await reopen(disk);
    expect(texts).to.deep.equal([...range(1, 1), ...range(4, 8)]);
    expect(damages.map(({ file, offset }) => [file, offset])).to.deep.equal([[damaged, at]]);
    expect(disk.names).to.include(`${damaged}.damaged`);
  });
});
