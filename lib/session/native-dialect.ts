import { NativeDecoder } from '../wire/native/decoder.ts';
import { NativeEncoder } from '../wire/native/encoder.ts';
import { Slab } from '../wire/slab.ts';
import type { SessionDialect } from './session-dialect.ts';

export interface DialectLimits {
  /** The largest message this end takes. */
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
}

/** What two ends agreed on for a native session. */
export interface NativeTerms {
  readonly records: boolean;
  /** Whether the peer knows of questions that were withdrawn. */
  readonly withdraws?: boolean | undefined;
  /** Whether the peer answers for confirmed messages once they were handled. */
  readonly handles?: boolean | undefined;
  /** The largest body the peer takes. */
  readonly peerMaxBytes: number;
}

/** The native dialect for one session. */
export function nativeDialect(terms: NativeTerms, limits: DialectLimits): SessionDialect {
  const slab = new Slab();
  return {
    tier: 'session',
    handles: terms.handles === true,
    slab,
    encoder: new NativeEncoder({
      slab,
      records: terms.records,
      withdraws: terms.withdraws,
      maxFrameBytes: terms.peerMaxBytes,
      maxDepth: limits.maxDepth,
    }),
    decoder: new NativeDecoder({
      records: terms.records,
      maxFrameBytes: limits.maxMessageBytes,
      maxDepth: limits.maxDepth,
    }),
  };
}
