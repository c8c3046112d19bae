import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import { copyOf } from '../../../base/bytes.ts';
import type { Line } from '../ends/line.ts';
import type { PeerNote } from '../notes.ts';
import { Parcel } from '../relay/parcel.ts';
import { Acceptance } from '../acceptance.ts';
import { SendWindow } from './send-window.ts';

/**
 * An end's way to the relay over the bus. A receiver that does not keep up holds back what is for it alone; a broadcast
 * waits for nobody, so those who are behind get theirs as a copy in their turn.
 */
export class BusLine implements Line {
  readonly #lane: Lane;
  readonly #relay: PeerHandle;
  readonly #room: number;
  readonly #maxQueuedBytes: number;
  readonly #acceptance = new Acceptance();
  /** By user: how far each is behind. */
  readonly #windows = new Map<number, SendWindow>();

  constructor(lane: Lane, relay: PeerHandle, room: number, maxQueuedBytes: number) {
    this.#lane = lane;
    this.#relay = relay;
    this.#room = room;
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  send(parcel: Parcel): Promise<void> {
    if (parcel.toAll) return this.#broadcast(parcel);
    const { frame } = parcel;
    return this.#window(parcel.user).send(parcel.body.length, () => this.#post(frame));
  }

  /** The relay says how much of what was for `user` is accepted. */
  credit(user: number, bytes: number): void {
    this.#windows.get(user)?.credit(bytes);
  }

  /** `user` is gone: what waits for it goes nowhere. */
  forget(user: number): void {
    this.#windows.get(user)?.flush();
    this.#windows.delete(user);
  }

  /** Lets everything go that waits, so that every promise settles: the channel is over, or about to be. */
  flush(): void {
    for (const window of this.#windows.values()) window.flush();
  }

  leave(): void {
    this.flush();
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

  #broadcast(parcel: Parcel): Promise<void> {
    const behind = [...this.#windows].filter(([user, window]) => window.stalled && user !== parcel.user);
    if (behind.length > 0) {
      this.#tell(['skip', this.#room, behind.map(([user]) => user)]);
      for (const [user] of behind) this.#copy(user, parcel);
    }
    return this.#post(parcel.frame);
  }

  #copy(user: number, { kind, room, body }: Parcel): void {
    const copy = new Parcel(kind, room, user, false, copyOf(body));
    this.send(copy).catch(() => this.kick(user, 'too slow'));
  }

  #window(user: number): SendWindow {
    const known = this.#windows.get(user);
    if (known !== undefined) return known;
    const window = new SendWindow(this.#maxQueuedBytes);
    this.#windows.set(user, window);
    return window;
  }

  #post(frame: Uint8Array): Promise<void> {
    const sent = this.#lane.send(this.#relay, frame);
    // The end hears in its own way that the session is over; nobody has to wait for this.
    void this.#acceptance.pending(sent);
    return sent;
  }

  #tell(note: PeerNote): void {
    void this.#acceptance.pending(this.#lane.send(this.#relay, note));
  }
}
