import { Handling } from '../../base/handling.ts';
import { type DurableReceiver, MessageCodec, type PeerHandle } from '../../bus/plugin.ts';
import type { Delivery, Sink, SinkOwner } from './delivery.ts';

/** Messages that listeners have and that are not settled. */
const mostOpen = 1_000;

/** Has the listeners of an end hear what comes. */
export class Listeners implements Sink {
  readonly #receiver: DurableReceiver;
  readonly #peerOf: (folder: string) => PeerHandle | undefined;
  readonly #owner: SinkOwner;
  readonly #codec = new MessageCodec();
  #open = 0;

  constructor(receiver: DurableReceiver, peerOf: (folder: string) => PeerHandle | undefined, owner: SinkOwner) {
    this.#receiver = receiver;
    this.#peerOf = peerOf;
    this.#owner = owner;
  }

  hasRoom(): boolean {
    return this.#open < mostOpen;
  }

  take(delivery: Delivery): void {
    let data: unknown;
    try {
      data = this.#codec.decode(delivery.body);
    } catch (error) {
      void this.#owner.died(delivery, error);
      return;
    }
    this.#open += 1;
    const { journal, sequence, folder, attempts, isRedelivered, bytes } = delivery;
    const handling = new Handling((handlers) => {
      this.#open -= 1;
      if (handlers > 0) this.#owner.done(delivery);
      else this.#owner.returned({ ...delivery, body: this.#codec.encode(data) });
      if (this.#open < mostOpen / 2) this.#owner.roomMade();
    });
    const context = { journal, sequence, redelivered: isRedelivered || attempts > 0 };
    this.#receiver.hear(handling, data, bytes, this.#peerOf(folder), context);
    handling.done();
  }
}
