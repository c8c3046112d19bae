import type { BusError } from '../../base/errors.ts';
import type { Contract, PayloadOf, ToServer as In } from '../contract.ts';
import type { DeadLetter, DurableContext } from '../durable.ts';
import type { SlowInfo } from '../events.ts';
import type { Respond } from '../requests/request-dispatcher.ts';
import type { Connection } from './connection.ts';

/** The server's events. A listener may be async; one that rejects is treated like one that throws. */
export interface ServerEvents<C extends Contract> {
  /** The server listens, at this path or `address:port`. */
  ready(address: string): unknown;
  /** A failure that belongs to no call, with its connection if it has one. Ignored if there is no listener. */
  error(error: BusError, connection?: Connection<C>): unknown;
  /**
   * A client was admitted; with the payload of its `connect()`. Its messages are delivered after all listeners have
   * returned and their promises have settled.
   */
  connect(connection: Connection<C>, payload: PayloadOf<C>): unknown;
  /** The session of a client ended. Emitted once, with the reason if there is one. */
  disconnect(connection: Connection<C>, reason: unknown): unknown;
  /** A client got a link (`true`) or lost it (`false`). The two alternate, from its `connect` to its `disconnect`. */
  link(connection: Connection<C>, up: boolean): unknown;
  /** The server is closed. */
  close(): unknown;
  /**
   * A client sent a message. A durable message has a `context`, and no connection while its sender is away; it is done
   * when all listeners have returned and their promises have settled.
   */
  message(message: In<C, 'message'>, connection: Connection<C> | undefined, context?: DurableContext): unknown;
  /** A durable message failed finally, or one to a client is too large for that client. It is in `deadLetters`. */
  deadLetter(letter: DeadLetter): unknown;
  /** A request of a client, if there is no handler; `respond(answer)` answers it. */
  request(
    request: In<C, 'request'>,
    respond: Respond<In<C, 'response'>, Connection<C>>,
    connection: Connection<C>,
  ): unknown;
  /** A client reads nothing although messages wait for it. */
  slow(info: SlowInfo): unknown;
}
