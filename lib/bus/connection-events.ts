import type { SessionInfo, SlowInfo, UndeliveredMessage } from './events.ts';

/** The events of one client at its server. */
export interface ConnectionEvents {
  /** The client got a link (`true`) or lost it (`false`). The two alternate. */
  link(up: boolean): void;
  /** A link opened: the outcome for the session. */
  session(info: SessionInfo): void;
  /**
   * Messages of a lost session that the client did not acknowledge, in order: the objects given to `send`, in their
   * present state, and copies of broadcast ones.
   */
  undelivered(messages: UndeliveredMessage[]): void;
  /** The client reads nothing although messages wait for it. */
  slow(info: SlowInfo): void;
}

/** What a connection knows of its server. */
export interface ServerHandle {
  readonly options: object;
  broadcast(data: unknown): Promise<void>;
  close(allowReconnect?: boolean): Promise<unknown>;
}
