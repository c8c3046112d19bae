import type { SessionInfo, SlowInfo, UndeliveredMessage } from './events.ts';

/** The events of one client at its server, and their listeners. */
export interface ConnectionEvents {
  /** The client has a link (`true`), or has it no more (`false`): by turns, from its first link to its last. */
  link(up: boolean): void;
  /** Each time a link was opened: what became of the session. */
  session(info: SessionInfo): void;
  /**
   * Messages the client never acknowledged, in order, when its session was lost: the objects given to `send`, as they
   * are now, and copies of what was broadcast.
   */
  undelivered(messages: UndeliveredMessage[]): void;
  /** The client takes nothing although something waits for it. */
  slow(info: SlowInfo): void;
}
