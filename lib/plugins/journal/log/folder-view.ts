import { codeOf } from '../../../base/thrown.ts';
import { type LogFile, type LogFiles, pathIn } from './files.ts';
import { FolderLock } from './folder-lock.ts';
import type { Damage, Segment } from './repair.ts';
import { scan, type Visit } from './scan.ts';
import { isSegmentName } from './segment.ts';

/** What a folder has. */
export interface FolderView {
  /** Who has it, in words; undefined where nobody has. */
  readonly holder: string | undefined;
  /** Each up to where it is whole. */
  readonly segments: readonly Segment[];
  readonly damages: readonly Damage[];
  /** Files with what earlier repairs moved aside. */
  readonly movedAside: number;
  /** All names in the folder. */
  readonly names: readonly string[];
}

/**
 * Reads the journal of a folder and changes nothing, also while a process writes in it: has each whole record visited, in
 * order. Undefined where there is a folder and no journal in it. Rejects with the system's error, and `ERR_JOURNAL` for another
 * version of the format.
 */
export async function viewFolder(
  files: LogFiles,
  folder: string,
  visitOf: (path: string) => Visit,
): Promise<FolderView | undefined> {
  const all = await files.list(folder);
  const names = all.filter(isSegmentName).sort();
  const movedAside = all.filter((name) => name.endsWith('.damaged')).length;
  const isJournal = all.some((name) => ['lock', 'id', 'peers'].includes(name));
  if (names.length === 0 && movedAside === 0 && !isJournal) return undefined;
  const holder = await FolderLock.holder(files, folder);
  const segments: Segment[] = [];
  const damages: Damage[] = [];
  for (const name of names) {
    const path = pathIn(folder, name);
    const file = await openThere(files, path);
    if (file === undefined) continue;
    try {
      const { mark, end, size, last, isCut } = await scan(path, file, visitOf(path));
      if (mark !== undefined) segments.push({ path, first: mark.first, last, bytes: end, journal: mark.journal });
      const isLast = name === names.at(-1);
      // What is cut off there is about to be written.
      if (isCut && isLast && holder !== undefined) continue;
      if (end < size) damages.push({ file: path, offset: end, bytes: size - end, torn: isCut && isLast });
    } finally {
      await file.close();
    }
  }
  return { holder, segments, damages, movedAside, names: all };
}

/** Undefined for one that was removed meanwhile: nobody needs it any more. */
async function openThere(files: LogFiles, path: string): Promise<LogFile | undefined> {
  try {
    return await files.open(path, true);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
