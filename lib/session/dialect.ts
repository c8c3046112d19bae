import { NativeDecoder, NativeEncoder, Slab } from '#codec';
import type { AgreedContracts } from '../wire/contracts.ts';
import type { Decoder, Encoder } from '../wire/dialect.ts';
import type { Traced } from '../wire/native/intro.ts';
import type { BroadcastRecords } from '../wire/native/broadcast-records.ts';
import { usualDepth } from '../wire/native/header.ts';
import type { LivenessLimits } from './liveness.ts';

/** The parts of a dialect that one session uses as long as it lives. */
export interface SessionDialect {
  /** As in `Session`. */
  readonly reliable: boolean;
  readonly handles: boolean;
  /** Whether both ends say to which trace a message or request belongs. */
  readonly traces: boolean;
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  readonly slab: Slab;
}

export interface SessionLimits extends LivenessLimits {
  readonly maxUnackedBytes: number;
  readonly maxPendingMessages: number;
}

export interface DialectLimits {
  /** The largest message this end takes. */
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
}

/** What two ends agreed on for a native session. */
export interface NativeAgreement {
  readonly records: boolean;
  /** Whether the peer knows of requests that were withdrawn. */
  readonly withdraws?: boolean | undefined;
  /** Whether the peer answers for confirmed messages once they were handled. */
  readonly handles?: boolean | undefined;
  /** The largest body the peer takes. */
  readonly peerMaxBytes: number;
  /** How deep a body may nest that the peer takes, where that is not as usual. */
  readonly peerMaxDepth?: number | undefined;
  /** Those that both have; absent where this end has none. */
  readonly contracts?: AgreedContracts | undefined;
  /** The records that the server has for all of its peers: at the server those, at the client whether it may use them. */
  readonly shared?: BroadcastRecords | boolean | undefined;
  /** To which trace a message or request belongs; absent where that does not travel. */
  readonly tracing?: Traced | undefined;
  /** Whether the peer says so of all it sends. */
  readonly traces?: boolean | undefined;
}

/** The native dialect for one session. */
export function nativeDialect(agreed: NativeAgreement, limits: DialectLimits): SessionDialect {
  const slab = new Slab();
  const { shared } = agreed;
  const { peerMaxDepth = usualDepth } = agreed;
  return {
    reliable: true,
    handles: agreed.handles === true,
    traces: agreed.traces === true,
    slab,
    encoder: new NativeEncoder({
      slab,
      records: agreed.records,
      withdraws: agreed.withdraws,
      contracts: agreed.contracts,
      shared: typeof shared === 'object' ? shared : undefined,
      tracing: agreed.tracing,
      maxFrameBytes: agreed.peerMaxBytes,
      maxDepth: Math.min(limits.maxDepth, peerMaxDepth),
      sharesFrames: peerMaxDepth >= limits.maxDepth,
    }),
    decoder: new NativeDecoder({
      records: agreed.records,
      contracts: agreed.contracts,
      shared: shared === true,
      traces: agreed.tracing !== undefined,
      maxFrameBytes: limits.maxMessageBytes,
      maxDepth: limits.maxDepth,
    }),
  };
}
