import { accessSync } from 'node:fs';
import { BusError } from '../base/errors.ts';
import type { Link } from './link.ts';

/** A process or thread that was started here with a link to it. */
export interface Offspring {
  readonly link: Link;
  /** Resolves once it has ended, or turned out not to begin, with how; never rejects. */
  readonly over: Promise<{ readonly how: string; readonly cause?: unknown }>;
  /** Ends it, unless it has ended. */
  end(): void;
  /** Nobody waits for it any more: its errors are for whom it belongs to. */
  release(): void;
}

/** The variable by which a process that was started with a link knows of it: its descriptor, and marks. */
export const parentVariable = 'BUSBAR_PARENT';
export const parentDescriptor = 3;
/** That Node has a channel too, and that the process group is the child's own. */
export const parentMark = { ipc: 'ipc', group: 'group' } as const;

/** The same for threads: the port in their environment data. */
export const parentData = 'busbar.parent';

/** Throws `ERR_SPAWN` where the file does not exist. */
export function checkFile(path: string): void {
  try {
    accessSync(path);
  } catch (error) {
    throw new BusError('ERR_SPAWN', `Cannot start ${path}: the file does not exist`, { cause: error });
  }
}
