import { copyOf } from '../../../base/bytes.ts';
import { CreditWindow } from '../../../base/flow-control.ts';
import { asBusError, BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import { ChannelFrame, messageCost, windowBytes } from '../channel-frame.ts';
import { type EndTransport, failed } from '../ends/channel-end.ts';
import type { RoomMessage } from '../lane-messages.ts';

/** What may wait in one's own process for one receiver that does not keep up. */
const maxQueuedBytes = 8_388_608;

/**
 * An end's way to the relay over the bus. A receiver that does not keep up holds back what is for it alone; a broadcast
 * waits for nobody, so those who are behind get theirs as a copy in their turn.
 */
export class BusTransport implements EndTransport {
  readonly #lane: Lane;
  readonly #relay: PeerHandle;
  readonly #room: number;
  /** By user: how far each is behind. */
  readonly #windows = new Map<number, SendWindow>();

  constructor(lane: Lane, relay: PeerHandle, room: number) {
    this.#lane = lane;
    this.#relay = relay;
    this.#room = room;
  }

  send(frame: ChannelFrame): Promise<void> {
    if (frame.toAll) return this.#broadcast(frame);
    const { bytes } = frame;
    return this.#window(frame.user).send(frame.body.length, () => this.#post(bytes));
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

  #tell(message: RoomMessage): void {
    void this.#post(message);
  }

  #broadcast(frame: ChannelFrame): Promise<void> {
    const behind = [...this.#windows].filter(([user, window]) => window.stalled && user !== frame.user);
    if (behind.length > 0) {
      this.#tell(['skip', this.#room, behind.map(([user]) => user)]);
      for (const [user] of behind) this.#copy(user, frame);
    }
    return this.#post(frame.bytes);
  }

  #copy(user: number, { kind, room, body }: ChannelFrame): void {
    const copy = new ChannelFrame(kind, room, user, false, copyOf(body));
    this.send(copy).catch(() => this.kick(user, 'too slow'));
  }

  #window(user: number): SendWindow {
    const known = this.#windows.get(user);
    if (known !== undefined) return known;
    const window = new SendWindow();
    this.#windows.set(user, window);
    return window;
  }

  /** The end hears in its own way that the session is over; nobody has to wait for this. */
  #post(data: RoomMessage | Uint8Array): Promise<void> {
    try {
      if (this.#lane.trySend(this.#relay, data)) return sent;
    } catch (error) {
      return failed(asBusError(error, 'ERR_CLOSED'));
    }
    const waiting = this.#lane.send(this.#relay, data);
    waiting.catch(() => undefined);
    return waiting;
  }
}

const sent = Promise.resolve();

interface Waiting {
  readonly cost: number;
  readonly go: () => Promise<void>;
  readonly resolve: (sent: Promise<void>) => void;
}

/** Holds a sender back who is faster than its receiver, without holding up anybody else. */
class SendWindow {
  readonly #credit = new CreditWindow(windowBytes);
  readonly #queue = new Queue<Waiting>();
  #queuedBytes = 0;

  get stalled(): boolean {
    return this.#queue.length > 0 || this.#credit.full;
  }

  /** Runs `go` in its turn. Rejects with `ERR_QUEUE_FULL` when too much waits already. */
  send(bytes: number, go: () => Promise<void>): Promise<void> {
    const cost = bytes + messageCost;
    if (!this.stalled) {
      this.#credit.take(cost);
      return go();
    }
    if (this.#queuedBytes + cost > maxQueuedBytes) {
      return failed(new BusError('ERR_QUEUE_FULL', 'Too much waits for a slow receiver already'));
    }
    this.#queuedBytes += cost;
    const turn = new Promise<void>((resolve) => this.#queue.push({ cost, go, resolve }));
    turn.catch(() => undefined);
    return turn;
  }

  /** The relay reports that this many bytes were accepted. */
  credit(bytes: number): void {
    this.#credit.grant(bytes);
    while (!this.#credit.full && this.#release()) {
      // One after the other, as far as there is room.
    }
  }

  /** Lets everything that waits go at once: the end is about to close. */
  flush(): void {
    while (this.#release()) {
      // All of them.
    }
  }

  #release(): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    this.#credit.take(next.cost);
    this.#queuedBytes -= next.cost;
    next.resolve(next.go());
    return true;
  }
}
