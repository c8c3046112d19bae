import { BusError } from '../base/errors.ts';
import { codeOf, textOf } from '../base/thrown.ts';
import { isId } from '../plugins/journal/format/lane-messages.ts';
import { Inventory } from '../plugins/journal/inventory.ts';
import { pathIn, systemFiles } from '../plugins/journal/log/files.ts';
import { type FolderView, viewFolder } from '../plugins/journal/log/folder-view.ts';
import type { Damage } from '../plugins/journal/log/repair.ts';
import type { Visit } from '../plugins/journal/log/scan.ts';

/** One of the logs of a journal. */
export interface Part {
  /** Empty for the folder itself; `inbox`, or `peers/<id>`. */
  readonly place: string;
  readonly view: FolderView;
  readonly inventory: Inventory;
}

/** What is in the folder of a journal. */
export interface Parts {
  readonly own: Part;
  /** What came to a client. */
  readonly inbox: Part | undefined;
  /** What a server sends to each client. */
  readonly peers: readonly Part[];
  /** The folder is that of a client. */
  readonly isClient: boolean;
  /** Of all of them. */
  readonly damages: readonly Damage[];
}

/**
 * Reads the folder of a journal with those in it. `visitOf` may have the records of a place visited by somebody else. Rejects
 * with `ERR_INVALID_ARGUMENT` where there is none, and `ERR_JOURNAL` for another version.
 */
export async function readParts(folder: string, visitOf: (place: string) => Visit | undefined): Promise<Parts> {
  const read = async (place: string, path: string): Promise<Part | undefined> => {
    const inventory = new Inventory();
    const visit = visitOf(place) ?? inventory.visit;
    const view = await viewed(path, visit);
    return view && { place, view, inventory };
  };
  const own = await read('', folder);
  if (own === undefined) throw new BusError('ERR_INVALID_ARGUMENT', `There is no journal in ${folder}`);
  const { names } = own.view;
  const isClient = names.includes('id');
  const inbox = isClient && names.includes('inbox') ? await read('inbox', pathIn(folder, 'inbox')) : undefined;
  const peers: Part[] = [];
  const ids = names.includes('peers') ? await systemFiles.list(pathIn(folder, 'peers')) : [];
  for (const id of ids.filter(isId).sort()) {
    const part = await read(`peers/${id}`, pathIn(pathIn(folder, 'peers'), id));
    if (part !== undefined) peers.push(part);
  }
  const all = [own, ...(inbox === undefined ? [] : [inbox]), ...peers];
  return { own, inbox, peers, isClient, damages: all.flatMap(({ view }) => view.damages) };
}

async function viewed(folder: string, visit: Visit): Promise<FolderView | undefined> {
  try {
    return await viewFolder(systemFiles, folder, () => visit);
  } catch (cause) {
    if (codeOf(cause) === 'ERR_JOURNAL') throw cause;
    const isNone = codeOf(cause) === 'ENOENT';
    const text = isNone ? `There is no folder ${folder}` : `${folder} cannot be read: ${textOf(cause)}`;
    throw new BusError('ERR_INVALID_ARGUMENT', text, { cause });
  }
}
