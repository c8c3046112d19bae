import { BusError } from '../../../lib/index.ts';
import { Log } from '../../../lib/plugins/journal/index.ts';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { Disk } from './disk.ts';

const content = Buffer.from(new SeededRandom(1).bytes(10_000));

/** What was appended, by opening and sequence, and how much of it was said to be written. */
interface Book {
  readonly bodies: Map<string, Map<number, Buffer>>;
  /** The last sequence that was acknowledged, and the first that is still needed. */
  acknowledged: number;
  needed: number;
}

/** Runs seeds, without the stacks of errors that nobody looks at; one alone, run again, has them. @throws Error for what is wrong. */
export async function simulateLogs(from: number, count: number): Promise<void> {
  const { stackTraceLimit } = Error;
  if (count > 1) Error.stackTraceLimit = 0;
  try {
    for (let seed = from; seed < from + count; seed++) await simulateLog(seed);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Lives of one log, one after the other, on a disk that tears, fills up and fails. */
async function simulateLog(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const survive = random.unit() < 0.5 ? 'process' : 'power';
  const book: Book = { bodies: new Map(), acknowledged: 0, needed: 1 };
  let disk = new Disk(random);
  for (let life = 0; life < 5; life++) {
    const found = new Set<number>();
    let log: Log;
    const options = { files: disk, survive, maxBytes: 65_536 } as const;
    const open = (): Promise<Log> => {
      found.clear();
      return Log.open('f', options, {
        visit: (sequence, bytes, start, end, { journal }) => {
          const known = book.bodies.get(journal)?.get(sequence);
          if (known?.compare(bytes, start, end) !== 0) throw new Error(`${sequence} of ${journal} is not what it was`);
          found.add(sequence);
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
  const bodies = new Map<number, Buffer>();
  book.bodies.set(log.id, bodies);
  for (let turn = Math.floor(random.unit() * 20); turn >= 0; turn--) {
    if (random.unit() < 0.03) disk.room = Math.floor(random.unit() * 2_000);
    if (random.unit() < 0.03) disk.failing.set(random.unit() < 0.5 ? 'write' : 'sync', 'EIO');
    let last = 0;
    for (let count = Math.floor(random.unit() * 20); count > 0 && log.failure === undefined; count--) {
      const length = Math.floor(random.unit() * (random.unit() < 0.05 ? 5_000 : 100));
      const from = Math.floor(random.unit() * (content.length - length));
      const body = content.subarray(from, from + length);
      const sequence = log.append(body);
      if (sequence === undefined) break;
      bodies.set(sequence, body);
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
