import { custom, type Given, integer, oneOf, type Resolved } from '../../../base/options.ts';
import { type LogFiles, systemFiles } from './files.ts';

/** What a journal takes of how it keeps its records. */
export const logTable = {
  /**
   * What a record that was acknowledged survives: the end of the process (it was handed to the system), or the loss of
   * power too (it was forced to the disk).
   */
  survive: oneOf({ choices: ['process', 'power'], default: 'process' }),
  /** Most bytes in the folder, to within one segment; what does not fit waits until something is removed. */
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
