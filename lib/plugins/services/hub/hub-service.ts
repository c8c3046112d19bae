import type { Clock } from '../../../base/clock.ts';
import type { BusError } from '../../../base/errors.ts';
import type { HubLimits } from '../services-options.ts';
import type { Call } from './call.ts';
import type { Participant } from './participant.ts';

/** The hubs of other nodes, as services with keys need them. */
export interface KeyNodes {
  /** The name of this node. */
  readonly own: string;
  /** Whether one of `asked` has the key, which is to be opened here; or why that cannot be known. */
  claim(
    service: string,
    key: string,
    epoch: number,
    asked: () => Iterable<Participant>,
  ): Promise<Participant | BusError | undefined>;
  /** Has that node give the key to this one. */
  fetch(service: string, key: string, from: Participant): Promise<void>;
}

/** What services need of their hub. */
export interface ServiceHost {
  readonly clock: Clock;
  readonly limits: HubLimits;
  /** What all that would wait rejects with, since the hub closes. */
  readonly closed: BusError | undefined;
  /** Other nodes, where there are some. */
  readonly nodes: KeyNodes | undefined;
  /** Greater than any before. */
  nextEpoch(): number;
  /** Takes room for one key; false where there are as many as may be. */
  takeKey(): boolean;
  freeKey(): void;
  report(error: BusError, participant: Participant): void;
  /** Takes a call that had a member. */
  again(call: Call): void;
  /** Nobody may need the service any more. */
  unused(name: string): void;
}

/** A service at the hub, and who offers it. */
export interface HubService {
  readonly name: string;
  readonly how: 'calls' | 'keys';
  /** What its members here take together: calls at once, or capacity. */
  readonly share: number;
  /** Whether there is anything to be kept of it. */
  readonly isUsed: boolean;
  /** `share`: how many calls it takes at once, or its capacity. */
  add(participant: Participant, share: number): void;
  /** It is gone, and so is what it had. */
  remove(participant: Participant): void;
  /** It offers the service no more; resolves when what it had is elsewhere. */
  withdraw(participant: Participant): Promise<void>;
  /** A member's link or willingness is another. */
  changed(): void;
  /** `again`: it had a member before, and goes before those that had none. */
  take(call: Call, again?: boolean): void;
  /** Has what `participant` has go elsewhere; resolves when it is there. */
  drain(participant: Participant): Promise<void>;
  /** Rejects all that waits. */
  close(error: BusError): void;
}
