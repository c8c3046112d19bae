import type { BusError } from '../base/errors.ts';
import type { Asker } from '../wire/dialect.ts';
import type { EndFrame, MessageFrame, RemoteFailure, RequestFrame, RequestId } from '../wire/frames.ts';
import type { Operations } from './operations.ts';
import type { Traffic } from './traffic.ts';

/** What this end asked, and hears the answers of. */
export interface Requester extends Asker {
  /** Of a request, a confirmed message or a ping; `lane` as in `SessionEvents`, `heardAt` where it came over a link. */
  answered(id: RequestId, data: unknown, lane: string, heardAt?: number): void;
  failed(id: RequestId, error: RemoteFailure): void;
}

/** What a session reports to its owner. No method may throw; `onLinkLost` may detach or end the session. */
export interface SessionEvents {
  readonly requests: Requester;
  /** Counts what goes and comes, where that is counted. */
  readonly traffic?: Traffic | undefined;
  /** Follows what is done, where somebody may want that. */
  readonly operations?: Operations | undefined;
  /** What the peer asked and waits for. */
  readonly incoming: {
    /** The peer gave `id` up. */
    cancelled(id: RequestId): void;
  };
  /** `lane` is the name the peer gave the frame's lane, '' for the user's own. */
  onMessage(frame: MessageFrame, lane: string): void;
  /** `heardAt`: when it came, on the clock of the session. */
  onRequest(frame: RequestFrame, lane: string, heardAt: number): void;
  onEnd(frame: EndFrame): void;
  onGoingAway(): void;
  /** What somebody may wait for has changed: there is room again, and what waited for it was sent. */
  settled(): void;
  /** The link was closed or, with an `error`, is of no use any more: what came is not a frame, or nothing came for too long. */
  onLinkLost(error: BusError | undefined): void;
  /** The peer has read nothing for `slowConsumerMs` although something waits for it. */
  onSlow(): void;
}
