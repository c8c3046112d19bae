import type { BusError } from '../base/errors.ts';
import type { Asker } from '../wire/dialect.ts';
import type { UserFrame } from './receiver.ts';

export interface SessionLimits {
  readonly maxUnackedBytes: number;
  readonly maxPendingMessages: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly slowConsumerMs: number;
}

/** Who holds the session. No method may throw; `broken` may detach or end it. */
export interface SessionOwner {
  readonly questions: Asker;
  /** As in `FrameTaker`. */
  readonly unheard: number;
  frame(frame: UserFrame, lane: string, heardAt: number, sequence: number): void;
  goingAway(): void;
  /** There is room for messages again. */
  room(): void;
  /** The peer sent what is no frame, or is silent for too long: the link is of no use any more. */
  broken(error: BusError): void;
  /** The peer has taken nothing for `slowConsumerMs` although something waits for it. */
  slow(): void;
}
