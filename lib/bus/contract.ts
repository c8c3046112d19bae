import type { PeerCredentials } from '../transport/link.ts';
import type { ContractValue } from '../wire/contracts.ts';

/** What travels in one direction: messages, and requests with their responses. */
export interface Traffic {
  readonly message?: unknown;
  readonly request?: unknown;
  readonly response?: unknown;
}

/**
 * The types of all data on one bus, for `new Server<Contract>()` and `new Client<Contract>()`. Members that are left
 * out are `unknown`; without a contract everything is `any`. Only the compiler uses it; it does not exist at run time.
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
 * The types without a contract: the compiler checks no data, as with net-ipc. Name a contract, even `Contract` itself,
 * to make the compiler demand a check of received data.
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

/** What clients send to a server. */
export type ToServer<C extends Contract, K extends Kind> = Typed<C, 'toServer', K>;
/** What a server sends to clients. */
export type ToClient<C extends Contract, K extends Kind> = Typed<C, 'toClient', K>;

/** What can be sent where `T` is expected: a `T`, or a value made by `of` of a struct of `busbar/contract`. */
export type Sendable<T> = T | ContractValue<T>;

export type PayloadOf<C extends Contract> = C extends { readonly payload: infer T } ? T : unknown;

/** The argument of `connect()`: the payload, or a function that is called for it before each link opens. */
export type Payload<C extends Contract> = PayloadOf<C> | (() => PayloadOf<C> | PromiseLike<PayloadOf<C>>);

/** What is known of a client that wants to connect. */
export interface ConnectingPeer {
  /** An IP address for TCP and TLS, otherwise the path or name. */
  readonly remoteAddress: string;
  readonly linkKind: string;
  /** The platform's socket, for example for its TLS certificate. */
  readonly socket: unknown;
  /**
   * The user of the client, on unix sockets with the option `credentials`. Rejects with `ERR_PEER_LACKS_FEATURE`
   * elsewhere and for a client that cannot prove it, `ERR_UNAUTHORIZED` for an invalid proof, `ERR_STATE` without the
   * option. If `authorize` passes the rejection on, the client is refused finally.
   */
  credentials(): Promise<PeerCredentials>;
}

/**
 * Decides whether a client may connect, by the payload of its `connect()`. Only `true` admits it; another value, a
 * throw or a rejection refuses it. A `BusError` `ERR_UNAVAILABLE` refuses it for now, and the client retries; so do
 * mistakes: built-in errors, and errors with the code of a system or a driver.
 */
export type Authorize<P = unknown> = (payload: P, peer: ConnectingPeer) => boolean | PromiseLike<boolean>;
