import type { BusError } from '../base/errors.ts';
import type { EndFrame } from '../wire/frames.ts';
import type { Handling } from '../base/handling.ts';
import type { IncomingRequest } from './incoming.ts';
import type { PeerHandle } from './plugin.ts';

/** What stands above a peer: the `Client`, or the `Connection` of a server. */
export interface PeerOwner {
  readonly handle: PeerHandle;
  /** `bytes`: of its frame. */
  message(lane: string, data: unknown, bytes: number, handling?: Handling): void;
  /** Hands a request to whoever answers it; `ERR_NO_HANDLER` is the owner's to say. */
  request(request: IncomingRequest, data: unknown): void;
  ended(frame: EndFrame): void;
  goingAway(): void;
  broken(error: BusError): void;
  slow(): void;
  /** Why a call cannot be served now nor later; undefined while it may at least wait. */
  refusal(): BusError | undefined;
}
