import type { OwnContracts } from '../../wire/contracts.ts';
import type { DeadLetter, ServerJournal } from '../durable.ts';
import type { PeerEvents, SessionInfo, SlowInfo, UndeliveredMessage } from '../events.ts';
import type { PeerHandle } from '../lane.ts';
import type { Processes, ServerPlatform } from '../platform.ts';
import type { Groups } from './groups.ts';

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
  /** A durable message of the client failed finally, or one to it is too large. It is in `deadLetters`. */
  deadLetter(letter: DeadLetter): void;
}

/** What a connection knows of its server. */
export interface ServerHandle {
  readonly options: object;
  broadcast(data: unknown): Promise<void>;
  close(allowReconnect?: boolean): Promise<unknown>;
}

/** The server of a connection, which learns of it. */
export interface ConnectionOwner<Member extends PeerHandle> {
  readonly handle: ServerHandle;
  readonly groups: Groups<Member>;
  readonly processes: Processes | undefined;
  readonly contracts: OwnContracts | undefined;
  readonly events: PeerEvents<Member>;
  readonly identify: ServerPlatform['identify'];
  /** Has the client answer what the platform asks about it. */
  ask(connection: Member, question: unknown): Promise<unknown>;
  /** Of the server, if it has one. */
  journal(): ServerJournal | undefined;
}
