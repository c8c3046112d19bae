/**
 * The payloads of the CONNECTION packet, which opens every link in both dialects (`docs/protocol.md`, "Opening").
 * A net-ipc peer ignores the member `busbar`.
 */
export interface ClientHello {
  readonly compress: boolean;
  readonly messagepack: boolean;
  /** The payload given to `connect()`. */
  readonly extras: unknown;
  /** The id of an earlier connection; it proves nothing. */
  readonly id: string | null;
  readonly busbar?: ClientOffer;
}

/** How an end's process can be found by others on its machine; present on unix sockets, where the system tells. */
export interface ProcessMark {
  readonly pid: number;
  /** When it was started, in the clock ticks of its machine: two processes with one pid differ in it. */
  readonly start: number;
  /** What both are counted in, equal only where `pid` means the same process. */
  readonly place: string;
}

export interface ClientOffer {
  /** The native protocol versions this end speaks, best first. */
  readonly versions: readonly number[];
  readonly features: readonly string[];
  /** Largest frame body this end takes. */
  readonly maxFrameBytes: number;
  readonly process?: ProcessMark;
  /** Present when the client wants its session back. */
  readonly resume?: { readonly token: string; readonly received: number };
}

export interface ServerHello {
  readonly id: string;
  readonly compress: boolean;
  readonly messagepack: boolean;
  readonly busbar?: ServerOffer;
}

export interface ServerOffer {
  readonly version: number;
  /** The features both ends have. */
  readonly features: readonly string[];
  readonly maxFrameBytes: number;
  readonly process?: ProcessMark;
  /** 128 random bits in base64url; present for a new session. */
  readonly token?: string;
  readonly outcome: 'fresh' | 'resumed' | 'lost';
  /** Sequenced frames of the client's that the server has taken. */
  readonly received: number;
  /** How long the server keeps the session after a link broke. */
  readonly graceMs: number;
}
