import type { Dial } from '../transport/link.ts';
import type { Deflater, Inflater } from '../wire/compression.ts';
import type { DialectLimits } from '../session/native-dialect.ts';
import type { SessionDialect } from '../session/session.ts';
import type { ResolvedClientOptions } from './options.ts';

/** Both directions of a compressed link. */
export interface Compression {
  deflater(): Deflater;
  inflater(maxOutputBytes: number): Inflater;
}

export interface NetIpcTerms {
  readonly messagepack: boolean;
  readonly deflater: Deflater | undefined;
  readonly inflater: Inflater | undefined;
}

/** What the bus takes from where it runs, so that its own code runs in browsers too. */
export interface Platform {
  /** undefined: links are never compressed. */
  readonly compression: Compression | undefined;
  /** undefined: net-ipc peers are not spoken to. */
  netIpcDialect?(terms: NetIpcTerms, limits: DialectLimits): SessionDialect;
}

export interface ClientPlatform extends Platform {
  /** How to open links to what the options name, and the host to name in an HTTP upgrade. */
  dialer(options: ResolvedClientOptions): { readonly dial: Dial; readonly host: string };
}
