import type { Decoder, Encoder } from '../wire/dialect.ts';
import type { Slab } from '../wire/slab.ts';

/** The parts of a dialect that one session uses for as long as it lives. */
export interface SessionDialect {
  readonly tier: 'legacy' | 'session';
  /** Whether both ends answer for confirmed messages once they were handled. */
  readonly handles?: boolean;
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  readonly slab: Slab;
}
