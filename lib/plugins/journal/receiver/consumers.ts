import type { PeerHandle } from '../../../bus/plugin.ts';
import { Consumer, type ConsumerHost, type Consumption } from './consumer.ts';
import type { Delivery } from './delivery.ts';

/** Who handles the messages of all peers, or of one alone. */
export class Consumers {
  readonly #host: ConsumerHost;
  #ofAll: Consumer | undefined;
  readonly #ofPeers = new Map<PeerHandle, Consumer>();
  /** Those of one peer whose handlers have not settled, with the senders whose messages they have. */
  readonly #stopping = new Map<Consumer, ReadonlySet<string>>();

  constructor(host: ConsumerHost) {
    this.#host = host;
  }

  add(consumption: Consumption, peer: PeerHandle | undefined): void {
    const consumer = new Consumer(consumption, this.#host);
    if (peer === undefined) this.#ofAll = consumer;
    else this.#ofPeers.set(peer, consumer);
  }

  /** Whether there are some of one peer alone, for which nobody else waits. */
  get areApart(): boolean {
    return this.#ofPeers.size > 0 || this.#stopping.size > 0;
  }

  /** Who has the messages of this sender; `stopping` where that is to be awaited. */
  of(folder: string): Consumer | 'stopping' | undefined {
    if (!this.areApart) return this.#ofAll;
    for (const folders of this.#stopping.values()) if (folders.has(folder)) return 'stopping';
    const peer = this.#host.peerOf(folder);
    return (peer === undefined ? undefined : this.#ofPeers.get(peer)) ?? this.#ofAll;
  }

  /** Begins with what may be begun with. */
  run(): void {
    this.#ofAll?.run();
    for (const consumer of this.#ofPeers.values()) consumer.run();
  }

  /** Resolves, when its handler has settled, what is left of what it had, in order. */
  async stop(peer: PeerHandle | undefined): Promise<Delivery[]> {
    if (peer === undefined) {
      const left = await this.#ofAll?.stop();
      this.#ofAll = undefined;
      return left ?? [];
    }
    const consumer = this.#ofPeers.get(peer);
    if (consumer === undefined) return [];
    this.#ofPeers.delete(peer);
    this.#stopping.set(consumer, consumer.folders);
    const left = await consumer.stop();
    this.#stopping.delete(consumer);
    return left;
  }

  /** Resolves when all handlers have settled; none gets anything further. */
  async stopAll(): Promise<void> {
    const before = [...this.#stopping.keys()].map((consumer) => consumer.settled());
    await Promise.all([...before, ...[undefined, ...this.#ofPeers.keys()].map((peer) => this.stop(peer))]);
  }
}
