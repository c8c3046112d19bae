import { custom, type Given, integer, oneOf, type Resolved } from '../../../base/options.ts';
import { type LogFiles, systemFiles } from './files.ts';

/** How a journal keeps its records. */
export const logTable = {
  /**
   * What an acknowledged record survives: the end of the process (it was passed to the system), or also the loss of
   * power (it was forced to the disk).
   */
  survive: oneOf({ choices: ['process', 'power'], default: 'process' }),
  /** Most bytes in the folder, within one segment; further records wait until others are removed. */
  maxBytes: integer({ default: 1_073_741_824, min: 65_536, unit: 'bytes' }),
  /** The file system, for tests. */
  files: custom<LogFiles>({
    type: 'LogFiles',
    default: systemFiles,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
};

export type LogOptions = Given<typeof logTable>;
export type ResolvedLogOptions = Resolved<typeof logTable>;
