import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Log, type LogOptions, type LogReader } from '../../../lib/plugins/journal/index.ts';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { Disk } from './disk.ts';

interface Read {
  readonly sequence: number;
  readonly text: string;
  readonly journal: string;
}

describe('journal, log', () => {
  let home: string;
  let folder: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'busbar-log-'));
    folder = join(home, 'deep', 'log');
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  /** The log as it is opened, with what was found in it. */
  async function open(options: LogOptions = {}): Promise<{ log: Log; found: Read[] }> {
    const found: Read[] = [];
    const log = await Log.open(folder, options, {
      visit: (sequence, bytes, start, end, { journal }) => {
        found.push({ sequence, text: Buffer.from(bytes.subarray(start, end)).toString(), journal });
      },
    });
    return { log, found };
  }

  async function append(log: Log, ...texts: string[]): Promise<void> {
    for (const text of texts) expect(log.append(Buffer.from(text))).to.be.a('number');
    await log.pending;
  }

  async function readAll(log: Log, from: number): Promise<string> {
    const texts: string[] = [];
    for await (const { body } of log.read(from)) texts.push(Buffer.from(body).toString());
    return texts.join(' ');
  }

  it('folder - is made for this user alone when it is opened, and let go of when it is closed', async () => {
    const { log } = await open();
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
    expect(readdirSync(folder)).to.deep.equal(['lock']);
    await append(log, 'a');
    expect(statSync(log.segments[0]?.path ?? '').mode & 0o777).to.equal(0o600);
    await log.close();
    expect(readdirSync(folder)).to.deep.equal(['0000000000000001.log']);
    expect(() => log.append(Buffer.from('b')))
      .to.throw()
      .with.property('code', 'ERR_CLOSED');
  });

  it('records - are there in the next process, in order, under one id of the folder and another of each opening', async () => {
    const first = await open();
    await append(first.log, 'a', 'b');
    await append(first.log, '', 'd'.repeat(300_000));
    await first.log.close();
    const second = await open();
    expect(second.found.map(({ sequence, text }) => [sequence, text.slice(0, 3)])).to.deep.equal([
      [1, 'a'],
      [2, 'b'],
      [3, ''],
      [4, 'ddd'],
    ]);
    expect(second.found[3]?.text).to.have.length(300_000);
    expect(second.log.folderId).to.equal(first.log.folderId).and.to.have.length(22);
    expect(second.log.id).to.not.equal(first.log.id);
    expect(new Set(second.found.map(({ journal }) => journal))).to.deep.equal(new Set([first.log.id]));
    expect(second.log.append(Buffer.from('e'))).to.equal(5);
    await second.log.close();
    const { log, found } = await open();
    expect(found.at(-1)).to.deep.equal({ sequence: 5, text: 'e', journal: second.log.id });
    await log.close();
  });

  it('reader - reads from any sequence on, over segments and openings, and what is appended meanwhile', async () => {
    const { log } = await open({ maxBytes: 65_536 });
    for (let number = 1; number <= 200; number++) await append(log, `${number}:${'x'.repeat(60)}`);
    expect(log.segments.length).to.be.greaterThan(3);
    await log.close();
    const again = await open({ maxBytes: 65_536 });
    await append(again.log, 'new');
    const text = await readAll(again.log, 150);
    expect(text.split(' ').map((word) => word.split(':')[0])).to.deep.equal([
      ...Array.from({ length: 51 }, (_, index) => String(index + 150)),
      'new',
    ]);
    const reader = again.log.reader(201);
    expect((await reader.next(1))?.journal).to.equal(again.log.id);
    expect(await reader.next(1)).to.equal(undefined);
    await append(again.log, 'more');
    expect(Buffer.from((await reader.next(1))?.bytes ?? []).toString()).to.include('more');
    await reader.close();
    await again.log.close();
  });

  it('reader - that keeps up reads no file, one that comes late or lags does, and both read the same', async () => {
    const random = new SeededRandom(3);
    // In the last round all batches are small enough for the memory of a log of that size.
    const rounds = [
      { maxBytes: 65_536, turns: 60, long: 3_000 },
      { maxBytes: 1_048_576, turns: 60, long: 3_000 },
      { maxBytes: 16_777_216, turns: 1_600, long: 200, isFailing: true },
    ];
    for (const { maxBytes, turns, long, isFailing = false } of rounds) {
      const files = new Disk(random);
      const log = await Log.open('f', { files, maxBytes });
      const keepingUp = log.reader(1);
      const lagging = log.reader(1);
      const bodies: string[] = [];
      const got = { keepingUp: '', lagging: '', late: '' };
      const readOn = async (who: keyof typeof got, reader: LogReader, most: number): Promise<void> => {
        for (let left = most; left > 0; left--) {
          const found = await reader.next(5_000);
          if (found === undefined) return;
          for (let at = 0; at < found.bytes.length; ) {
            const start = at + 16;
            at = start + Buffer.from(found.bytes).readUInt32LE(at);
            got[who] += Buffer.from(found.bytes.subarray(start, at)).toString();
          }
        }
      };
      for (let turn = 0; turn < turns; turn++) {
        for (let count = random.unit() * 10; count > 0; count--) {
          const body = String(turn).repeat(Math.floor(random.unit() * (random.unit() < 0.1 ? long : long / 2)) + 1);
          if (log.append(Buffer.from(body)) !== undefined) bodies.push(body);
        }
        await log.pending;
        // Whatever is not in memory cannot be read now.
        if (isFailing) files.failing.set('read', 'EIO');
        await readOn('keepingUp', keepingUp, Number.POSITIVE_INFINITY);
        files.failing.clear();
        await readOn('lagging', lagging, 2);
      }
      await readOn('lagging', lagging, Number.POSITIVE_INFINITY);
      await readOn('late', log.reader(1), Number.POSITIVE_INFINITY);
      if (isFailing) expect(log.segments.length).to.equal(2);
      for (const text of Object.values(got)) expect(text === bodies.join(''), String(maxBytes)).to.equal(true);
      await log.close();
    }
  });

  it('what is noted alongside - goes with each write, and never by itself', async () => {
    const { log } = await open();
    let state = 0;
    let noted = 0;
    log.alongside(() => (noted === state ? undefined : Buffer.from(`state ${(noted = state)}`)));
    await append(log, 'a');
    state = 7;
    await log.pending;
    expect(log.written).to.equal(1);
    await append(log, 'b');
    await append(log, 'c');
    expect(await readAll(log, 1)).to.equal('a b state 7 c');
    await log.close();
  });

  it('segments - go when nobody needs what is in them, and make room for what waits', async () => {
    const { log } = await open({ maxBytes: 65_536 });
    const body = Buffer.alloc(1_000);
    let last = 0;
    for (let next = log.append(body); next !== undefined; next = log.append(body)) {
      last = next;
      await log.pending;
    }
    expect(last).to.be.within(55, 70);
    expect(log.bytes).to.be.within(50_000, 65_536 + 8_192);
    let hasRoom = false;
    const room = log.whenRoom().then(() => (hasRoom = true));
    log.keepFrom(2);
    await Promise.resolve();
    expect(hasRoom).to.equal(false);
    const before = log.segments.length;
    log.keepFrom(last - 10);
    await room;
    expect(log.segments.length).to.be.lessThan(before);
    expect(log.append(body)).to.equal(last + 1);
    await log.close();
    const { log: again, found } = await open();
    expect(found[0]?.sequence).to.be.within(last - 20, last - 10);
    expect(found.at(-1)?.sequence).to.equal(last + 1);
    again.keepFrom(last + 2);
    expect(again.segments).to.have.length(1);
    expect(again.append(body)).to.equal(last + 2);
    await again.close();
  });

  it('sizes - a record that never fits is refused, and one of the largest is taken', async () => {
    const { log } = await open({ maxBytes: 65_536 });
    expect(() => log.append(Buffer.alloc(65_521)))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
    expect(log.append(Buffer.alloc(65_520))).to.equal(1);
    expect(log.append(Buffer.alloc(65_520))).to.equal(undefined);
    await log.pending;
    await log.close();
    expect((await rejected(Log.open(folder, { maxBytes: 1 }))).code).to.equal('ERR_INVALID_OPTION');
  });

  it('headings - stand before the records of each segment, and say what holds of those before', async () => {
    let count = 0;
    const headings: string[] = [];
    const owner = { heading: () => [Buffer.from(`${(count += 1)}`)] };
    const log = await Log.open(folder, { maxBytes: 65_536 }, owner);
    for (let number = 0; number < 50; number++) await append(log, 'x'.repeat(1_000));
    await log.close();
    await (
      await Log.open(
        folder,
        {},
        {
          visit: (sequence, bytes, start, end, { first }) => {
            if (sequence === 0) headings.push(`${first}: ${Buffer.from(bytes.subarray(start, end)).toString()}`);
          },
        },
      )
    ).close();
    expect(headings).to.have.length(log.segments.length);
    expect(headings.slice(0, 2)).to.deep.equal(['1: 1', '5: 2']);
  });

  it('lock - keeps out a second owner in this process and in another, until the first one closes or dies', async () => {
    const { log } = await open();
    const error = await rejected(Log.open(folder));
    expect(error.code).to.equal('ERR_JOURNAL_IN_USE');
    expect(error.message).to.include(String(process.pid));
    await log.close();
    const others = await Promise.allSettled([Log.open(folder), Log.open(folder), Log.open(folder)]);
    const won = others.filter((other) => other.status === 'fulfilled');
    expect(won).to.have.length(1);
    await won[0]?.value.close();
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('failures - nothing is acknowledged after one, and what was before is there in the next process', async () => {
    for (const code of ['EIO', 'ENOSPC']) {
      for (const call of ['write', 'sync', 'create', 'syncFolder']) {
        const disk = new Disk(new SeededRandom(1));
        const log = await Log.open('f', { files: disk, survive: 'power' });
        if (call === 'write' || call === 'sync') await append(log, 'a');
        disk.failing.set(call, code);
        log.append(Buffer.from('b'));
        const error = await rejected(log.pending);
        expect([error.code, (error.cause as { code?: string }).code]).to.deep.equal(['ERR_JOURNAL', code]);
        disk.failing.clear();
        expect(() => log.append(Buffer.from('c'))).to.throw(error.message);
        expect(await rejected(log.pending)).to.equal(error);
        await log.close();
        const texts: string[] = [];
        const again = await Log.open(
          'f',
          { files: disk },
          { visit: (_, bytes, start, end) => texts.push(Buffer.from(bytes.subarray(start, end)).toString()) },
        );
        if (call === 'write' || call === 'sync') expect(texts[0]).to.equal('a');
        await append(again, 'd');
        await again.close();
      }
    }
  });

  it('failures - a folder that cannot be made, read, or is gone while it is used rejects ERR_JOURNAL', async () => {
    const disk = new Disk(new SeededRandom(1));
    for (const call of ['makeFolder', 'claim', 'list']) {
      disk.failing.clear();
      disk.failing.set(call, 'EROFS');
      const error = await rejected(Log.open('f', { files: disk }));
      expect([error.code, (error.cause as { code?: string }).code], call).to.deep.equal(['ERR_JOURNAL', 'EROFS']);
    }
    const { log } = await open();
    rmSync(folder, { recursive: true });
    log.append(Buffer.from('a'));
    expect((await rejected(log.pending)).code).to.equal('ERR_JOURNAL');
    await log.close();
    expect(existsSync(folder)).to.equal(false);
    // One that is gone once its file is open is seen too.
    const { log: next } = await open();
    next.append(Buffer.from('a'));
    await next.pending;
    rmSync(folder, { recursive: true });
    next.append(Buffer.from('b'));
    expect((await rejected(next.pending)).code).to.equal('ERR_JOURNAL');
    await next.close();
  });

  it('batches - hold what was appended in one turn and while a write is under way', async () => {
    const disk = new Disk(new SeededRandom(1));
    const log = await Log.open('f', { files: disk });
    log.append(Buffer.from('a'));
    const first = log.pending;
    log.append(Buffer.from('b'));
    expect(log.pending).to.equal(first);
    await until(() => log.pending === first && log.written === 2);
    log.append(Buffer.from('c'));
    expect(log.pending).to.not.equal(first);
    await log.close();
    expect(log.written).to.equal(3);
  });
});
