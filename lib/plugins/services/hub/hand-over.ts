import type { HandlingFailure } from '../../../base/handling.ts';
import type { Call } from './call.ts';
import type { Participant } from './participant.ts';

/**
 * Called when a member is done with a call; `isCurrent` unless the call was withdrawn before, and then nothing counts.
 */
type Returned = (isCurrent: boolean, failure: HandlingFailure | undefined) => void;

/** Gives a call to a member, and settles it with what the member answers; what fails is for `returned` to decide about. */
export function handOver(call: Call, participant: Participant, epoch: number, returned: Returned): void {
  const { reach } = participant;
  if (!call.isAsked) {
    reach.notify(call, epoch);
    call.resolve(undefined);
    returned(true, undefined);
    return;
  }
  const attempt = call.attempt();
  participant.begin();
  reach.call(call, epoch, attempt).then(
    (value) => {
      const isCurrent = call.isWith(attempt);
      participant.end();
      if (isCurrent) call.resolve(value);
      returned(isCurrent, undefined);
    },
    (error: unknown) => {
      const isCurrent = call.isWith(attempt);
      participant.end();
      returned(isCurrent, { error });
    },
  );
}
