/** What travels one way: messages, and requests with their responses. */
export interface Traffic {
  readonly message?: unknown;
  readonly request?: unknown;
  readonly response?: unknown;
}

/**
 * The types of everything that travels on one bus, for `new Server<Contract>()` and `new Client<Contract>()`. What is
 * left out is `unknown`. It is checked by the compiler only; nothing of it exists at run time.
 */
export interface Contract {
  readonly toServer?: Traffic;
  readonly toClient?: Traffic;
  /** The payload of `connect()`. */
  readonly payload?: unknown;
}

export type Direction = 'toServer' | 'toClient';
export type Kind = 'message' | 'request' | 'response';

/** The type of one kind of traffic in one direction. */
export type Typed<C extends Contract, D extends Direction, K extends Kind> = C extends {
  readonly [Key in D]: { readonly [Inner in K]: infer T };
}
  ? T
  : unknown;

export type PayloadOf<C extends Contract> = C extends { readonly payload: infer T } ? T : unknown;
