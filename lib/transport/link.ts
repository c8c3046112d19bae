import type { Server, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';

/** What a link tells its owner. Every method is called on a turn of its own, never from inside a call to the link. */
export interface LinkEvents {
  /** Bytes in order, which are the link's again once this has returned: what is kept of them is copied. */
  data(bytes: Uint8Array): void;
  /** The link takes bytes again after `write` returned false. */
  drain(): void;
  /** The last event, exactly once, whichever end closed; `error` is the system's, if one closed it. */
  close(error?: Error): void;
}

/** The user, and what else is known of the process, at the peer of a unix socket. */
export interface PeerCredentials {
  readonly uid: number;
  /** Its group, and its process id when it connected; where the kernel tells. */
  readonly gid?: number;
  readonly pid?: number;
  /** The kernel's word, or a file that the client made for this. */
  readonly by: 'kernel' | 'challenge';
}

/** One open byte pipe. It never knows a frame. */
export interface Link {
  readonly kind: 'unix' | 'pipe' | 'tcp' | 'tls' | 'memory' | 'websocket' | 'child' | 'worker' | 'nats';
  /**
   * Who is at the peer: an address for tcp and tls, the path for a socket file, the name for memory and nats, for a child its
   * process id, for a thread its number, and for either's parent `parent:`.
   */
  readonly remote: string;
  /** True where only this user of this machine can be at the peer (all but tcp, tls, websocket and nats). */
  readonly trusted: boolean;
  /** True where no link can follow this one: who loses it has lost the process or thread at its other end. */
  readonly final?: boolean;
  /** The platform's socket, for those who ask; busbar itself uses only this interface. */
  readonly socket: Socket | undefined;
  /** Bytes written here that the platform has not sent yet. */
  readonly bufferedBytes: number;
  /** Sets who learns of this link; to be called once, in the turn the link was handed out. */
  attach(events: LinkEvents): void;
  /** Takes all of `bytes` and keeps the reference until they left; false asks the writer to wait for `drain`. */
  write(bytes: Uint8Array): boolean;
  /** Until `uncork`, writes gather, to leave in one system call. Undefined where there is none to save. */
  cork?(): void;
  uncork?(): void;
  /** Stops and restarts `data`; the system's own buffers then hold the peer back. */
  pause(): void;
  resume(): void;
  /** Sends what is buffered, then closes. `close` follows also if the peer never closes its side. */
  end(): void;
  /** Closes now; `close` follows. */
  destroy(error?: Error): void;
  /** Hands the platform's socket to somebody else and forgets it: no event follows. Undefined where there is none. */
  release(): Socket | undefined;
}

/** A listening address. */
export interface Listener {
  /** What a client can be given: a path, `host:port`, or `memory:name`. */
  readonly address: string;
  /** The bound port, for tcp and tls. */
  readonly port: number | undefined;
  /** The platform's server, for those who ask. */
  readonly server: Server | undefined;
  /** Stops accepting; links already open stay. Resolves when the address is free again. */
  close(): Promise<void>;
}

export interface ListenEvents {
  link(link: Link): void;
  /** Something failed that concerns no single link, such as running out of descriptors. */
  error(error: Error): void;
  /** Whether sockets may have to be released; those that never are can be read with less work, into bytes that are used again. */
  mayRelease(): boolean;
  /** Another server took this address over (unix only): this listener serves nobody new any more. */
  replaced(): void;
}

/** The names of `memory:` addresses: a dialler finds the listener with the same name. */
export interface Network {
  /** Rejects or throws `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`. */
  listen(address: NetworkAddress, clock: Clock, events: ListenEvents): Listener | Promise<Listener>;
  /** As `Dial`. */
  dial(address: NetworkAddress, clock: Clock, signal: AbortSignal): Promise<Link>;
}

/** A `memory:` address: its name, and the pace that its user asked for. */
export interface NetworkAddress {
  readonly kind: 'memory';
  readonly name: string;
  readonly netLag: number;
  readonly netSpeed: number;
}

/** Opens one link or rejects with `ERR_CONNECT` with the system's error as cause; an aborted signal ends the attempt with its reason. */
export type Dial = (signal: AbortSignal) => Promise<Link>;
