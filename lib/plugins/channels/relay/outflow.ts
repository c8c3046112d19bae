import { Queue } from '../../../base/queue.ts';
import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import { Acceptance } from '../acceptance.ts';

/** What may be handed to a session beyond what it has room for; the rest waits here. */
const stallBytes = 1_048_576;
/** What a message costs besides its bytes, so that tiny ones count too. */
const messageCost = 64;

interface Waiting {
  readonly data: unknown;
  readonly cost: number;
  readonly sent: () => void;
}

/** The way out to one bus peer: keeps the order of everything, and knows how much waits. */
export class Outflow {
  readonly #lane: Lane;
  readonly #handle: PeerHandle;
  readonly #acceptance = new Acceptance();
  readonly #queue = new Queue<Waiting>();
  #handed = 0;
  #queued = 0;
  #open = true;

  constructor(lane: Lane, handle: PeerHandle) {
    this.#lane = lane;
    this.#handle = handle;
  }

  get open(): boolean {
    return this.#open;
  }

  get pendingBytes(): number {
    return this.#handed + this.#queued;
  }

  /** Undefined when the session accepted it at once, else resolves when it did or is over; never rejects. */
  send(data: unknown, bytes: number): Promise<void> | undefined {
    const cost = bytes + messageCost;
    if (!this.#open) return undefined;
    if (this.#queue.length === 0 && this.#handed < stallBytes) return this.#hand(data, cost);
    this.#queued += cost;
    return new Promise((sent) => this.#queue.push({ data, cost, sent }));
  }

  close(): void {
    this.#open = false;
    for (const { sent } of this.#queue.clear()) sent();
    this.#queued = 0;
  }

  #hand(data: unknown, cost: number): Promise<void> | undefined {
    const sent = this.#acceptance.pending(this.#lane.send(this.#handle, data));
    if (sent === undefined) return undefined;
    this.#handed += cost;
    const settled = (): void => {
      this.#handed -= cost;
      if (this.#queue.length > 0 && this.#handed < stallBytes) this.#drain();
    };
    return sent.then(settled, settled);
  }

  #drain(): void {
    let room = stallBytes - this.#handed;
    while (room > 0) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      const { data, cost, sent } = next;
      room -= cost;
      this.#queued -= cost;
      const handed = this.#hand(data, cost);
      if (handed === undefined) sent();
      else void handed.then(sent);
    }
  }
}
