import type { Link } from './link.ts';

/** A process or thread that was started here with a link to it. */
export interface Offspring {
  readonly link: Link;
  /** Resolves once it has ended, or turned out not to begin, with how; never rejects. */
  readonly over: Promise<{ readonly how: string; readonly cause?: unknown }>;
  /** Ends it, unless it has ended. */
  end(): void;
}

/** The variable by which a process that was started with a link knows of it: its descriptor, and whether Node has a channel too. */
export const parentVariable = 'BUSBAR_PARENT';
export const parentDescriptor = 3;
