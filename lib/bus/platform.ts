import type { Dial, ListenEvents, Listener } from '../transport/link.ts';
import type { Deflater, Inflater } from '../wire/compression.ts';
import type { DialectLimits } from '../session/native-dialect.ts';
import type { SessionDialect } from '../session/session.ts';
import type { ResolvedClientOptions, ResolvedServerOptions } from './options.ts';

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

/** How to open links to one address. */
export interface DialTarget {
  readonly dial: Dial;
  /** The host to name in an HTTP upgrade. */
  readonly host: string;
}

export interface ClientPlatform extends Platform {
  /** Throws `ERR_INVALID_OPTION` or `ERR_TOO_LARGE` for an address that cannot be connected to. */
  dialer(options: ResolvedClientOptions): DialTarget;
}

/** Starts to listen; `takeover` replaces a live listener of a socket file. */
export type Listen = (takeover: boolean, events: ListenEvents) => Promise<Listener>;

export interface ServerPlatform extends Platform {
  /**
   * How to listen where the options say. Throws `ERR_INVALID_OPTION` or `ERR_TOO_LARGE` for an address that cannot be
   * listened on.
   */
  listener(options: ResolvedServerOptions): Listen;
}
