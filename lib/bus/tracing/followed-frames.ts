import { BusError } from '../../base/errors.ts';
import { Handling } from '../../base/handling.ts';
import type { Arrival, Operations, Settled, Tracer } from '../../session/operations.ts';
import type { Session } from '../../session/session.ts';
import type { MessageFrame, RequestFrame } from '../../wire/frames.ts';
import type { PeerHandle } from '../lane.ts';

/** What came in a frame, for who follows it. */
export function arrivalOf(
  { handle, session }: { readonly handle: PeerHandle; readonly session: Session | undefined },
  { data, trace }: MessageFrame | RequestFrame,
  lane: string,
): Omit<Arrival<PeerHandle>, 'lore'> {
  return { peer: handle, lane, data, context: trace, traces: session?.traces === true };
}

/** How a message is handled that nobody waits for but who follows it, if somebody does. */
export function followedHandling(settled: Settled | null | undefined): Handling | undefined {
  return settled ? new Handling((_handlers, failure) => settled(failure)) : undefined;
}

/** Has `tracer` follow; returns how to stop that. @throws BusError `ERR_PLUGIN`, `ERR_STATE`. */
export function traceBy(operations: Operations<PeerHandle> | undefined, tracer: Tracer<PeerHandle>): () => void {
  if (operations === undefined) throw new BusError('ERR_STATE', 'Nothing is traced here');
  return operations.trace(tracer);
}
