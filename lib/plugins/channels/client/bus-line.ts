import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import type { Line } from '../ends/line.ts';
import type { PeerNote } from '../notes.ts';
import type { Parcel } from '../relay/parcel.ts';

/** An end's way to the relay over the bus. */
export class BusLine implements Line {
  readonly #lane: Lane;
  readonly #relay: PeerHandle;
  readonly #room: number;

  constructor(lane: Lane, relay: PeerHandle, room: number) {
    this.#lane = lane;
    this.#relay = relay;
    this.#room = room;
  }

  send(parcel: Parcel): Promise<void> {
    const sent = this.#lane.send(this.#relay, parcel.frame);
    sent.catch(ignore);
    return sent;
  }

  leave(): void {
    this.#tell(['leave', this.#room]);
  }

  kick(user: number, text: string | undefined): void {
    this.#tell(['kick', this.#room, user, text ?? null]);
  }

  block(user: number, text: string | undefined): void {
    this.#tell(['block', this.#room, user, text ?? null]);
  }

  unblock(who: number | string): void {
    this.#tell(['unblock', this.#room, who]);
  }

  #tell(note: PeerNote): void {
    this.#lane.send(this.#relay, note).catch(ignore);
  }
}

function ignore(): void {
  // Whoever waits for the send hears of it; the end hears that the session is over in its own way.
}
