import { systemRandom, token } from '../../../base/random.ts';
import { pathIn } from './files.ts';
import type { ResolvedLogOptions } from './log-options.ts';

/** The id of a folder that no segment says: as the file `id` has it, which is made where there is none. */
export async function keptFolderId({ files, survive }: ResolvedLogOptions, folder: string): Promise<string> {
  const path = pathIn(folder, 'id');
  const kept = await files.text(path);
  if (kept !== undefined && /^[\w-]{22}$/.test(kept)) return kept;
  // A process that ended while it wrote leaves the file without an id, which nobody was told.
  if (kept !== undefined) await files.remove(path);
  const id = token(systemRandom);
  const file = await files.create(path);
  try {
    await file.write([Buffer.from(id, 'latin1')], 0);
    if (survive === 'power') await file.sync();
  } finally {
    await file.close();
  }
  if (survive === 'power') await files.syncFolder(folder);
  return id;
}
