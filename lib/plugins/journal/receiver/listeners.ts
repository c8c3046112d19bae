import { Handling } from '../../../base/handling.ts';
import { type DurableReceiver, MessageCodec, type PeerHandle } from '../../../bus/plugin.ts';
import type { Delivery, Sink, SinkOwner } from './delivery.ts';
import { Places } from './places.ts';

/** Has the listeners of an end hear what comes. */
export class Listeners implements Sink {
  readonly #receiver: DurableReceiver;
  readonly #peerOf: (folder: string) => PeerHandle | undefined;
  readonly #owner: SinkOwner;
  readonly #codec = new MessageCodec();
  readonly #places = new Places();

  constructor(receiver: DurableReceiver, peerOf: (folder: string) => PeerHandle | undefined, owner: SinkOwner) {
    this.#receiver = receiver;
    this.#peerOf = peerOf;
    this.#owner = owner;
  }

  hasRoom(folder: string): boolean {
    return this.#places.hasRoom(folder);
  }

  take(delivery: Delivery): void {
    let data: unknown;
    try {
      data = this.#codec.decode(delivery.body);
    } catch (error) {
      void this.#owner.died(delivery, error);
      return;
    }
    const { journal, sequence, folder, attempts, isRedelivered, bytes } = delivery;
    let isSettled = false;
    let hasPlace = false;
    const handling = new Handling((handlers) => {
      isSettled = true;
      if (handlers > 0) this.#owner.done(delivery);
      else this.#owner.returned({ ...delivery, body: this.#codec.encode(data) });
      if (hasPlace && this.#places.give(folder)) this.#owner.roomMade();
    });
    const context = { journal, sequence, redelivered: isRedelivered || attempts > 0 };
    this.#receiver.hear(handling, data, bytes, this.#peerOf(folder), context);
    handling.done();
    // Most are settled by now.
    if (isSettled) return;
    hasPlace = true;
    this.#places.take(folder);
  }
}
