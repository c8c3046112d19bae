import type { Clock } from '../base/clock.ts';
import type { Dial, Link, ListenEvents, Listener, PeerCredentials } from '../transport/link.ts';
import type { Deflater, Inflater } from '../wire/compression.ts';
import type { DialectLimits, SessionDialect } from '../session/dialect.ts';
import type { OwnContracts, PeerContracts } from '../wire/contracts.ts';
import type { ClientHello } from '../wire/handshake/hello.ts';
import type { ProcessMark } from '../base/process-table.ts';
import type { Watchers } from '../session/traffic.ts';
import type { PeerHandle } from './lane.ts';
import type { Admit, LookersDoor } from './server/lookers-door.ts';
import type { ResolvedClientOptions, ResolvedPeerOptions, ResolvedServerOptions } from './options.ts';

/** Both directions of a compressed link. */
export interface Compression {
  deflater(): Deflater;
  inflater(maxOutputBytes: number): Inflater;
}

export interface NetIpcAgreement {
  readonly messagepack: boolean;
  readonly deflater: Deflater | undefined;
  readonly inflater: Inflater | undefined;
  readonly contracts: PeerContracts | undefined;
}

/** The processes of this machine, for who has lost a link to one of them. */
export interface Processes {
  /** This process, as others on its machine can look for it; undefined where they cannot. */
  own(): ProcessMark | undefined;
  /**
   * Calls `gone`, later, once the process has ended; never for one that cannot be looked for from here. Returns how to
   * stop that.
   */
  watch(mark: ProcessMark, gone: () => void): () => void;
}

/** What the bus takes from where it runs, so that its own code runs in browsers too. */
export interface Platform {
  /** Who looks at what goes by; undefined: nobody ever does. */
  readonly watchers?: Watchers<PeerHandle>;
  /** undefined: links are never compressed. */
  readonly compression: Compression | undefined;
  /** undefined: net-ipc peers are not spoken to. */
  netIpcDialect?(agreed: NetIpcAgreement, limits: DialectLimits): SessionDialect;
  /** Those of the option, if any; undefined where nothing travels by contracts. Throws `ERR_INVALID_OPTION`. */
  contracts?(options: ResolvedPeerOptions): OwnContracts | undefined;
  /** undefined: a process that died is known by its silence alone. */
  processes?(clock: Clock): Processes;
}

/** How to open links to one address. */
export interface DialTarget {
  readonly dial: Dial;
  /** The host to name in an HTTP upgrade. */
  readonly host: string;
  /** How to answer a server that asks over the link which user this is; undefined where it does not matter. */
  prover?(link: Link): (question: unknown) => Proof;
}

/** An answer, and how to say that it was looked at. */
export interface Proof {
  readonly answer: unknown;
  done(): void;
}

export interface ClientPlatform extends Platform {
  /** Throws `ERR_INVALID_OPTION` or `ERR_TOO_LARGE` for an address that cannot be connected to. */
  dialer(options: ResolvedClientOptions): DialTarget;
}

/** Starts to listen; `takeover` replaces a live listener of a socket file. */
export type Listen = (takeover: boolean, events: ListenEvents) => Promise<Listener>;

export interface ServerPlatform extends Platform {
  /** Where `hello` wants to go, if not to the clients. */
  door?(hello: ClientHello): LookersDoor | undefined;
  /** Gets what takes links that may come in, for one who has them from elsewhere. */
  admitter?(admit: Admit): void;
  /**
   * Who is at the peer of a link; has the peer answer by `ask` where the system does not tell. Rejects
   * `ERR_PEER_LACKS_FEATURE`, `ERR_UNAUTHORIZED` for an answer that proves nothing, or as `ask` does.
   */
  identify(link: Link, ask: (question: unknown) => Promise<unknown>): Promise<PeerCredentials>;
  /**
   * How to listen where the options say. Throws `ERR_INVALID_OPTION` or `ERR_TOO_LARGE` for an address that cannot be
   * listened on.
   */
  listener(options: ResolvedServerOptions): Listen;
}
