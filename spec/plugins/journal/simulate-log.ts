import { BusError } from '../../../lib/index.ts';
import { Log } from '../../../lib/plugins/journal/index.ts';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { Disk } from './disk.ts';

/** What was appended, by sequence and opening, and how much of it was said to be written. */
interface Book {
  readonly bodies: Map<string, string>;
  /** The last sequence that was acknowledged, and the first that is still needed. */
  acknowledged: number;
  needed: number;
}

/** Lives of one log, one after the other, on a disk that tears, fills up and fails. @throws Error for what is wrong. */
export async function simulateLog(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const survive = random.unit() < 0.5 ? 'process' : 'power';
  const book: Book = { bodies: new Map(), acknowledged: 0, needed: 1 };
  let disk = new Disk(random);
  for (let life = 0; life < 5; life++) {
    const found = new Map<number, string>();
    let log: Log;
    const options = { files: disk, survive, maxBytes: 65_536 } as const;
    const open = (): Promise<Log> => {
      found.clear();
      return Log.open('f', options, {
        visit: (sequence, bytes, start, end, { journal }) => {
          const text = Buffer.from(bytes.subarray(start, end)).toString();
          const known = book.bodies.get(`${journal} ${sequence}`);
          if (text !== known) throw new Error(`${sequence} of ${journal} reads "${text}" and was "${known}"`);
          found.set(sequence, text);
        },
      });
    };
    try {
      log = (random.unit() < 0.2 ? await openFailing(disk, random, open) : undefined) ?? (await open());
    } catch (error) {
      throw new Error(`seed ${seed}, life ${life}: ${String(error)}`, { cause: error });
    }
    for (let sequence = book.needed; sequence <= book.acknowledged; sequence++) {
      if (!found.has(sequence)) throw new Error(`seed ${seed}, life ${life}: ${sequence} was acknowledged and is lost`);
    }
    // What is damaged without being acknowledged may be gone, but never in silence.
    const torn = log.damages.length;
    if (torn > 1) throw new Error(`seed ${seed}, life ${life}: ${torn} damages`);
    await live(log, disk, random, book);
    if (random.unit() < 0.3) {
      disk.failing.clear();
      disk.room = Number.POSITIVE_INFINITY;
      await log.close();
    } else {
      disk = survive === 'power' && random.unit() < 0.7 ? disk.unplugged() : disk.killed();
    }
  }
}

const callsOfOpening = [
  'makeFolder',
  'claim',
  'list',
  'open',
  'size',
  'read',
  'create',
  'write',
  'truncate',
  'sync',
  'syncFolder',
];

/** Undefined where it was refused: what was there is there, and is read the next time. */
async function openFailing(disk: Disk, random: SeededRandom, open: () => Promise<Log>): Promise<Log | undefined> {
  if (random.unit() < 0.3) disk.room = Math.floor(random.unit() * 100);
  else disk.failing.set(callsOfOpening[Math.floor(random.unit() * callsOfOpening.length)] ?? '', 'EIO');
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof BusError) || error.code !== 'ERR_JOURNAL') throw error;
    return undefined;
  } finally {
    disk.failing.clear();
    disk.room = Number.POSITIVE_INFINITY;
  }
}

async function live(log: Log, disk: Disk, random: SeededRandom, book: Book): Promise<void> {
  for (let turn = Math.floor(random.unit() * 20); turn >= 0; turn--) {
    if (random.unit() < 0.03) disk.room = Math.floor(random.unit() * 2_000);
    if (random.unit() < 0.03) disk.failing.set(random.unit() < 0.5 ? 'write' : 'sync', 'EIO');
    let last = 0;
    for (let count = Math.floor(random.unit() * 20); count > 0 && log.failure === undefined; count--) {
      const text = 'x'.repeat(Math.floor(random.unit() * (random.unit() < 0.05 ? 5_000 : 100)));
      const sequence = log.append(Buffer.from(text));
      if (sequence === undefined) break;
      book.bodies.set(`${log.id} ${sequence}`, text);
      last = sequence;
    }
    if (last > 0) {
      const acknowledge = (): void => void (book.acknowledged = Math.max(book.acknowledged, last));
      const written = log.pending.then(acknowledge, () => {});
      if (random.unit() < 0.6) await written;
    }
    if (log.failure !== undefined) {
      const { acknowledged } = book;
      for (let ticks = 0; ticks < 20; ticks++) await Promise.resolve();
      if (book.acknowledged !== acknowledged) throw new Error('acknowledged after a failure');
      return;
    }
    if (random.unit() < 0.2) {
      book.needed = Math.max(book.needed, book.acknowledged - Math.floor(random.unit() * 50));
      log.keepFrom(book.needed);
    }
  }
}
