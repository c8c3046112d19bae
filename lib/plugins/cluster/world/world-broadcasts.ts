import { BusError } from '../../../base/errors.ts';
import { listOf, optional, text, tuple } from '../../../base/shape.ts';
import { MessageCodec, type ServerClients } from '../../../bus/plugin.ts';
import type { ClusterNode } from '../cluster-node.ts';
import type { Audience, NodeAudience } from './audience.ts';

const readBroadcast = tuple(optional(listOf(text())), optional(listOf(text())));
/** Limit of broadcasts that wait for room. */
const mostWaiting = 16_384;

export interface WorldBroadcastsOptions {
  readonly clients: ServerClients;
  readonly maxMessageBytes: number;
  node(): ClusterNode;
  /** Those of an audience who are clients of this node. */
  here(audience: Audience): NodeAudience;
  report(error: unknown): void;
}

/** Broadcasts to the clients of all nodes: those of this node, and those it receives. */
export class WorldBroadcasts {
  readonly #options: WorldBroadcastsOptions;
  readonly #codec = new MessageCodec();
  #waiting: Promise<void> = Promise.resolve();
  #waitingCount = 0;

  constructor(options: WorldBroadcastsOptions) {
    this.#options = options;
  }

  async send(data: unknown, audience: Audience): Promise<void> {
    const { clients, here, maxMessageBytes, node } = this.#options;
    const bytes = this.#codec.encode([audience.to, audience.except, data]);
    if (bytes.length > maxMessageBytes) {
      throw new BusError(
        'ERR_TOO_LARGE',
        `A broadcast of ${bytes.length} bytes is over the ${maxMessageBytes} of maxMessageBytes`,
      );
    }
    const { publisher } = node();
    const own = clients.broadcast(data, here(audience));
    if (this.#waitingCount === 0 && !publisher.isFull) publisher.publish(bytes);
    else await this.#publishLater(bytes);
    await own;
  }

  /** One of another node; what is returned has the next ones wait. */
  heard(bytes: Uint8Array): Promise<unknown> | undefined {
    const { clients, here, report } = this.#options;
    try {
      const read = this.#codec.decode(bytes);
      if (!readBroadcast(read)) throw new BusError('ERR_PROTOCOL', 'This is not a broadcast of a node');
      const [to, except] = read;
      const data: unknown = (read as readonly unknown[])[2];
      return clients.broadcast(data, here({ to: to ?? null, except: except ?? null }));
    } catch (error) {
      report(error);
      return undefined;
    }
  }

  /** After those that wait already, when there is room. */
  #publishLater(bytes: Uint8Array): Promise<void> {
    if (this.#waitingCount >= mostWaiting) throw new BusError('ERR_QUEUE_FULL');
    this.#waitingCount += 1;
    const turn = this.#waiting.then(async () => {
      const node = this.#options.node();
      try {
        while (node.publisher.isFull) {
          node.checkOpen();
          await node.publisher.room();
        }
        node.checkOpen();
        node.publisher.publish(bytes);
      } finally {
        this.#waitingCount -= 1;
      }
    });
    this.#waiting = turn.catch(() => {});
    return turn;
  }
}
