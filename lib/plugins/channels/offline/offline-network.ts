import { systemClock } from '../../../base/system-clock.ts';
import { Relay } from '../relay/relay.ts';
import type { Room } from '../relay/room.ts';
import type { Lag } from './lag-line.ts';

/** Where channels live that need no relay. Owners and users meet only inside one network. */
export class OfflineNetwork {
  readonly relay = new Relay(systemClock, 10_000);
  /** The lines of the owners, which hold for users that ask for no other. */
  readonly lags = new WeakMap<Room, Lag>();
}

/** The network of all clients that name no other: what makes an offline id mean one thing in a process. */
export const processOffline = new OfflineNetwork();
