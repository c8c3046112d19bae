import type { Session } from '../../lib/session/session.ts';
import { nativeDialect, type SessionDialect } from '../../lib/session/dialect.ts';
import { NativeDecoder } from '../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { Slab } from '../../lib/base/slab.ts';

export type Side = 'client' | 'server';

/** The parts a simulated bus is made of, so that a spec can plant a bug in one of them. */
export interface Parts {
  dialect(side: Side, client: number): SessionDialect;
  /** How many frames of the client's the server tells it to have received, when it resumes. */
  received(session: Session): number;
}

export type Bug = 'ack off by one' | 'lost resume' | 'shared queue';

const limits = { maxMessageBytes: 1_048_576, maxDepth: 64 };
const terms = { records: true, peerMaxBytes: 1_048_576 };

export function realParts(): Parts {
  return { dialect: () => nativeDialect(terms, limits), received: (session) => session.received };
}

/** Parts with one bug, each of a kind that sessions were built not to have. */
export function brokenParts(bug: Bug): Parts {
  const real = realParts();
  switch (bug) {
    case 'ack off by one':
      return { ...real, dialect: (side) => (side === 'server' ? real.dialect(side, 0) : acksTooMuch(real)) };
    case 'lost resume':
      // What the broken link lost is not sent again: the server claims to have one more frame than it has.
      return { ...real, received: (session) => session.received + 1 };
    case 'shared queue':
      return { ...real, dialect: sharedSlab(real) };
  }
}

/** Acknowledges the next frame together with those that were taken. */
function acksTooMuch(real: Parts): SessionDialect {
  const dialect = real.dialect('client', 0);
  const { encoder } = dialect;
  const ack = encoder.ack.bind(encoder);
  encoder.ack = (received) => ack(received + 1);
  return dialect;
}

/** All clients of a server are written to out of one slab. */
function sharedSlab(real: Parts): Parts['dialect'] {
  const slab = new Slab();
  return (side, client) => {
    if (side === 'client') return real.dialect(side, client);
    const decoder = new NativeDecoder({ records: true, maxFrameBytes: limits.maxMessageBytes, maxDepth: 64 });
    const encoder = new NativeEncoder({ slab, records: true, maxFrameBytes: terms.peerMaxBytes, maxDepth: 64 });
    return { reliable: true, handles: false, traces: false, slab, encoder, decoder };
  };
}
