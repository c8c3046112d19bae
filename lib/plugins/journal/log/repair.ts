import { BusError } from '../../../base/errors.ts';
import { codeOf } from '../../../base/thrown.ts';
import { type LogFile, type LogFiles, pathIn } from './files.ts';
import type { ResolvedLogOptions } from './log-options.ts';
import { type Scanned, scan, type Visit, Window } from './scan.ts';
import { isSegmentName } from './segment.ts';

const copyBytes = 1_048_576;

/** What was found damaged, and is in a file beside the segment from now on. */
export interface Damage {
  /** The segment. */
  readonly file: string;
  /** Where in it the damage began. */
  readonly offset: number;
  readonly bytes: number;
  /** A record at the very end that was cut off, as the end of a process leaves it: nobody was told that it is there. */
  readonly torn: boolean;
}

/** A segment as the folder has it after a repair. */
export interface Segment {
  readonly path: string;
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
  readonly journal: string;
}

export interface Recovered {
  readonly segments: Segment[];
  readonly damages: BusError[];
  /** The id of the folder, where a segment had one. */
  readonly folder: string | undefined;
}

/**
 * Reads every segment of a folder, in order, and has each whole record visited. From where a segment is damaged on its
 * bytes are moved into a file of their own, `*.damaged`, and the segment ends there; those behind it are kept.
 * @throws BusError `ERR_JOURNAL` with the system's error as cause.
 */
export async function recover(
  { files, survive }: Pick<ResolvedLogOptions, 'files' | 'survive'>,
  folder: string,
  visit: Visit,
): Promise<Recovered> {
  const names = (await files.list(folder)).filter(isSegmentName).sort();
  const segments: Segment[] = [];
  const damages: BusError[] = [];
  const window = new Window();
  let id: string | undefined;
  for (const name of names) {
    const path = pathIn(folder, name);
    const file = await files.open(path);
    try {
      const scanned = await scan(path, file, visit, window);
      const { mark, end, size, last, isCut } = scanned;
      if (end < size) {
        const torn = isCut && name === names.at(-1);
        const isEmpty = mark === undefined || last < mark.first;
        const isMoved = await moveAside(files, path, file, scanned).catch((error: unknown) => {
          // What is whole can be read all the same. Nobody was told about a torn one; nothing else may go without a copy.
          if (!isFull(error) || (isEmpty && !torn)) throw error;
          return false;
        });
        if (isMoved || torn) await cut(file, end);
        damages.push(complaint({ file: path, offset: end, bytes: size - end, torn }, isMoved));
      }
      if (survive === 'power' && name === names.at(-1)) await writeAgain(file, end);
      // What has no whole record was never told of; its name may be needed again.
      if (mark === undefined || last < mark.first) await files.remove(path);
      else segments.push({ path, first: mark.first, last, bytes: end, journal: mark.journal });
      id ??= mark?.folder;
    } finally {
      await file.close();
    }
  }
  if (damages.length > 0 || survive === 'power') await files.syncFolder(folder);
  return { segments, damages, folder: id };
}

function complaint(details: Damage, isMoved: boolean): BusError {
  const { file, offset, bytes, torn } = details;
  const what = torn ? 'ends within a record' : 'is damaged';
  const left = torn ? 'were cut off' : 'stay there';
  const become = isMoved ? 'were moved aside' : `${left}, since there is no room to copy them`;
  return new BusError('ERR_JOURNAL_CORRUPT', `${file} ${what} at byte ${offset}: ${bytes} bytes ${become}`, {
    details,
  });
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');
}

/** Copies what is damaged before it is cut off, so that a process that ends in between has lost none of it. */
async function moveAside(files: LogFiles, path: string, file: LogFile, { end, size }: Scanned): Promise<true> {
  const { copy, copyPath } = await createBeside(files, path);
  try {
    const buffer = Buffer.allocUnsafe(Math.min(copyBytes, size - end));
    for (let at = end; at < size; ) {
      const got = await file.read(buffer.subarray(0, Math.min(buffer.length, size - at)), at);
      if (got === 0) break;
      await copy.write([buffer.subarray(0, got)], at - end);
      at += got;
    }
    await copy.sync();
  } catch (error) {
    await copy.close().catch(() => {});
    await files.remove(copyPath).catch(() => {});
    throw error;
  }
  await copy.close();
  return true;
}

async function cut(file: LogFile, end: number): Promise<void> {
  await file.truncate(end);
  await file.sync();
}

/** After a failed write or sync the system may read back what the disk never got, and call it written. */
async function writeAgain(file: LogFile, end: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(copyBytes, end));
  for (let at = 0; at < end; ) {
    const got = await file.read(buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    if (got === 0) break;
    await file.write([buffer.subarray(0, got)], at);
    at += got;
  }
  await file.sync();
}

async function createBeside(files: LogFiles, path: string): Promise<{ copy: LogFile; copyPath: string }> {
  for (let number = 1; ; number++) {
    const copyPath = `${path}${number === 1 ? '' : `.${number}`}.damaged`;
    try {
      return { copy: await files.create(copyPath), copyPath };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}
