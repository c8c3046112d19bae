import type { BusError } from '../../../base/errors.ts';
import type { ServiceHost } from './hub-service.ts';
import type { Participant } from './participant.ts';
import type { WaitingRoom } from './waiting-calls.ts';

/** A key, as far as its owner and its service know it. */
export interface KeyOfOwner {
  readonly name: string;
  readonly hash: number;
  epoch: number;
  /** The other node that claimed it at the same time, and gets it. */
  beatenBy: Participant | undefined;
  leave(owner: Owner): Promise<void>;
  ownerGone(owner: Owner, soon: (carry: () => Promise<void>) => Promise<void>): void;
}

/** A member that owns keys of a service. */
export interface Owner {
  readonly participant: Participant;
  readonly hash: number;
  /** Its share of the keys; 0: it gets none. */
  weight: number;
  /** Those it has, and those that are being opened there. */
  readonly keys: Set<KeyOfOwner>;
  /** It gets no other key. */
  isLeaving: boolean;
  /** It has no key any more. */
  isGone: boolean;
}

/** What a key needs of its service. */
export interface KeyHost {
  readonly service: string;
  readonly host: ServiceHost;
  readonly room: WaitingRoom;
  /** Over nodes: makes sure that no other node has the key; resolves with the node that has it, or with why that cannot be known. */
  readonly claim: ((key: KeyOfOwner) => Promise<Participant | BusError | undefined>) | undefined;
  /** Another node has it. */
  found(key: string, node: Participant): void;
  /** Where the key belongs. */
  choose(key: KeyOfOwner): Owner | undefined;
  /** Nothing is left of the key. */
  over(key: KeyOfOwner): void;
}
