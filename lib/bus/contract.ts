import type { PeerCredentials } from '../transport/link.ts';
import type { ContractValue } from '../wire/contracts.ts';

/** What travels one way: messages, and requests with their responses. */
export interface Traffic {
  readonly message?: unknown;
  readonly request?: unknown;
  readonly response?: unknown;
}

/**
 * The types of everything that travels on one bus, for `new Server<Contract>()` and `new Client<Contract>()`. What is
 * left out is `unknown`; without a contract all is `any`. It is checked by the compiler only; nothing of it exists at run time.
 */
export interface Contract {
  readonly toServer?: Traffic;
  readonly toClient?: Traffic;
  /** The payload of `connect()`. */
  readonly payload?: unknown;
}

/** The one `any` there is: the bus hands over what travels, and without a contract nobody has said what that is. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Unchecked = any;

interface UncheckedTraffic {
  readonly message: Unchecked;
  readonly request: Unchecked;
  readonly response: Unchecked;
}

/**
 * What holds where no contract is given: the compiler checks nothing of what travels, as with net-ipc. Name a contract,
 * be it `Contract` itself, to have it ask what came before it is used.
 */
export interface Untyped {
  readonly toServer: UncheckedTraffic;
  readonly toClient: UncheckedTraffic;
  readonly payload: Unchecked;
}

export type Direction = 'toServer' | 'toClient';
export type Kind = 'message' | 'request' | 'response';

/** The type of one kind of traffic in one direction. */
export type Typed<C extends Contract, D extends Direction, K extends Kind> = C extends {
  readonly [Key in D]: { readonly [Inner in K]: infer T };
}
  ? T
  : unknown;

/** What clients say to a server. */
export type ToServer<C extends Contract, K extends Kind> = Typed<C, 'toServer', K>;
/** What a server says to clients. */
export type ToClient<C extends Contract, K extends Kind> = Typed<C, 'toClient', K>;

/** What can be sent where `T` is expected: it, or one made by the `of` of a struct of `busbar/contract`. */
export type Sendable<T> = T | ContractValue<T>;

export type PayloadOf<C extends Contract> = C extends { readonly payload: infer T } ? T : unknown;

/** What `connect()` takes: the payload, or a function that is asked for it before each opening of a link. */
export type Payload<C extends Contract> = PayloadOf<C> | (() => PayloadOf<C> | PromiseLike<PayloadOf<C>>);

/** What is known of a client that wants in. */
export interface ConnectingPeer {
  /** An IP address for tcp and tls, the path or name else. */
  readonly remoteAddress: string;
  readonly linkKind: string;
  /** The platform's socket, for example for its TLS certificate. */
  readonly socket: unknown;
  /**
   * Which user the client is, on unix sockets and with the option `credentials`. Rejects `ERR_PEER_LACKS_FEATURE` elsewhere and
   * for a client that cannot prove it, `ERR_UNAUTHORIZED` for an invalid proof, `ERR_STATE` without the option. What it rejects
   * with, thrown on, refuses the client for good.
   */
  credentials(): Promise<PeerCredentials>;
}

/**
 * Decides whether a client may connect, by the payload it gave to `connect()`. `true` admits it; anything else, a throw or
 * a rejection refuses it. A `BusError` `ERR_UNAVAILABLE` refuses it for now, and it comes back; so do mistakes: errors of
 * the language's own, and those with the code of a system or a driver.
 */
export type Authorize<P = unknown> = (payload: P, peer: ConnectingPeer) => boolean | PromiseLike<boolean>;
