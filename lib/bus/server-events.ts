import type { BusError } from '../base/errors.ts';
import type { Connection } from './connection.ts';
import type { DeadLetter, DurableContext } from './durable.ts';
import type { Contract, PayloadOf, ToServer as In } from './contract.ts';
import type { SlowInfo } from './events.ts';
import type { Respond } from './request-dispatcher.ts';

/** The events and their listeners, which may be asynchronous: one that rejects is treated as one that throws. */
export interface ServerEvents<C extends Contract> {
  /** The server listens, at this path or `address:port`. */
  ready(address: string): unknown;
  /** Something failed that concerns no single call; with the connection, if it is one's. Swallowed without a listener. */
  error(error: BusError, connection?: Connection<C>): unknown;
  /**
   * A client was authorised; with the payload of its `connect()`. What it says is delivered once all listeners have
   * returned and what they returned has settled.
   */
  connect(connection: Connection<C>, payload: PayloadOf<C>): unknown;
  /** Once, when a client's session is over; with the reason if there is one. */
  disconnect(connection: Connection<C>, reason: unknown): unknown;
  /**
   * A client has a link (`true`), or has it no more (`false`): by turns, from the one after its `connect` to the one
   * before its `disconnect`.
   */
  link(connection: Connection<C>, up: boolean): unknown;
  /** The server is closed. */
  close(): unknown;
  /**
   * A client sent a message. A durable one comes with its `context`, and without a connection while its sender is away, plain ones never do; it
   * is done when all listeners have returned and what they returned has settled.
   */
  message(message: In<C, 'message'>, connection: Connection<C> | undefined, context?: DurableContext): unknown;
  /** A durable message failed for good, or one to a client is too large for that; it is in `deadLetters`. */
  deadLetter(letter: DeadLetter): unknown;
  /** A client asked and there is no handler; `respond(answer)` answers. */
  request(
    request: In<C, 'request'>,
    respond: Respond<In<C, 'response'>, Connection<C>>,
    connection: Connection<C>,
  ): unknown;
  /** A client takes nothing although something waits for it. */
  slow(info: SlowInfo): unknown;
}
