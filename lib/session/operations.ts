import type { HandlingFailure } from '../base/handling.ts';
import type { Traced, Tracing } from '../wire/native/intro.ts';

/** Something that is done with a peer. */
export interface Operation<Peer = unknown> {
  /** undefined: a broadcast to several. */
  readonly peer: Peer | undefined;
  /** '' for the user's own. */
  readonly lane: string;
  readonly data: unknown;
  /** What the plugin of the lane says of it. */
  readonly lore: LaneLore | undefined;
}

/** What a plugin knows of what is on its lane. */
export interface LaneLore {
  /** What a message or request is called, such as its method or topic. */
  nameOf?(data: unknown): string | undefined;
  /** The code of an answer that stands for an error. */
  failureOf?(answer: unknown): string | undefined;
}

/** Something that came from a peer. */
export interface Arrival<Peer = unknown> extends Operation<Peer> {
  /** The context of its sender, in the 26 bytes of the protocol; undefined where it said none. */
  readonly context: Uint8Array | undefined;
  /** Whether the peer says contexts at all. */
  readonly traces: boolean;
}

/** Hears, once, that something was handled: why not, if so, and the answer. */
export type Settled = (failure: HandlingFailure | undefined, result?: unknown) => void;

/**
 * Carries the context in which something is sent to where it is handled, and follows what is done. No method may throw but
 * for what its task throws.
 */
export interface Tracer<Peer = unknown> extends Tracing {
  /** The context that what is sent now belongs to, as 26 bytes that do not change any more; undefined for none. */
  current(): Uint8Array | undefined;
  /** A task that runs later, and in the context of now. */
  bind<Given extends readonly unknown[], Result>(task: (...given: Given) => Result): (...given: Given) => Result;
  /** Runs `task` in no context at all. */
  outside<Result>(task: () => Result): Result;
  /** Runs what makes a request. Absent where requests are not followed. */
  request?(operation: Operation<Peer>, task: () => Promise<unknown>): Promise<unknown>;
  /** Runs what sends a message. Absent where those are not followed. */
  send?<Result>(operation: Operation<Peer>, task: () => Result): Result;
  /** Runs what hands a request to its handler, in the context of its sender. `task` may be told who learns of the answer. */
  handle(arrival: Arrival<Peer>, task: (settled?: Settled) => void): void;
  /** The same for a message; without a context it is called only if `followsMessages`. */
  receive(arrival: Arrival<Peer>, task: (settled?: Settled) => void): void;
  readonly followsMessages: boolean;
}

type Asked<Peer> = Omit<Operation<Peer>, 'lore'>;
type Came<Peer> = Omit<Arrival<Peer>, 'lore'>;

/** What one end does, for those who follow it; made by the platform. */
export interface Operations<Peer = unknown> extends Traced {
  /** All who follow, as one. */
  readonly tracer: Tracer<Peer> | undefined;
  /** That of a plugin: an end with one says of all that it sends to which trace it belongs. */
  readonly own: Tracer<Peer> | undefined;
  /** What is said to ends that have no tracer, and only pass contexts on. */
  readonly lent: Traced;
  /** By lane: what its plugin says of what is on it. */
  readonly lore: Map<string, LaneLore>;
  readonly followsRequests: boolean;
  readonly followsSends: boolean;
  readonly followsHandlers: boolean;
  readonly followsMessages: boolean;
  /** Has the tracer of a plugin follow; returns how to stop that. @throws BusError `ERR_PLUGIN` where there is one. */
  trace(tracer: Tracer<Peer>): () => void;
  /** Has another one follow within it. */
  look(tracer: Tracer<Peer>): () => void;
  /** As in `Tracer`. */
  request(operation: Asked<Peer>, task: () => Promise<unknown>): Promise<unknown>;
  send<Result>(operation: Asked<Peer>, task: () => Result): Result;
  handle(arrival: Came<Peer>, task: (settled?: Settled) => void): void;
  receive(arrival: Came<Peer>, task: (settled?: Settled) => void): void;
}
