import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { OtherNode } from '../node-info.ts';
import type { Control } from '../wire/control.ts';
import type { Seal } from '../wire/seal.ts';
import { BroadcastFeed } from './broadcast-feed.ts';
import { readEntries } from './entries.ts';
import { Publisher, type PublisherOptions } from './publisher.ts';

export interface BroadcastsOptions extends Omit<PublisherOptions, 'note'> {
  readonly maxMessageBytes: number;
  readonly seal: Seal;
  readonly clock: Clock;
  tell(node: OtherNode, control: Control): void;
  /** A node that is here. */
  live(node: string, incarnation: number): OtherNode | undefined;
  deliver(node: OtherNode, bytes: Uint8Array): Promise<unknown> | undefined;
  report(error: BusError): void;
}

interface Feed {
  readonly incarnation: number;
  readonly feed: BroadcastFeed;
}

/** What goes to all nodes: what this one publishes, and what it learns of the others. */
export class Broadcasts {
  readonly publisher: Publisher;
  readonly #options: BroadcastsOptions;
  readonly #own: readonly [string, number];
  readonly #feeds = new Map<string, Feed>();

  constructor(options: BroadcastsOptions) {
    this.#options = options;
    this.#own = [options.node, options.incarnation];
    this.publisher = new Publisher({
      ...options,
      note: (node, incarnation, last, first) => {
        const other = options.live(node, incarnation);
        if (other !== undefined) options.tell(other, ['note', ...this.#own, last, first]);
      },
    });
  }

  /** A node is new here. */
  met(node: OtherNode, owedFrom: number): void {
    const { id, incarnation } = node;
    this.publisher.met(id, incarnation);
    this.#feeds.get(id)?.feed.close();
    const { clock, deliver, maxMessageBytes, report, tell } = this.#options;
    const feed = new BroadcastFeed({
      from: owedFrom,
      maxBytes: maxMessageBytes,
      clock,
      deliver: (bytes) => deliver(node, bytes),
      tell: (sequence) => tell(node, ['got', ...this.#own, sequence]),
      ask: (from) => tell(node, ['ask', ...this.#own, from]),
      missed: (count) =>
        report(new BusError('ERR_NODE_LOST', `${count} broadcasts of the node "${id}" were lost while it was away`)),
    });
    this.#feeds.set(id, { incarnation, feed });
  }

  changed({ id, incarnation, state }: OtherNode): void {
    if (state === 'up') this.publisher.met(id, incarnation);
    else if (state === 'dead' || state === 'left') this.publisher.lost(id, incarnation);
  }

  said({ id, incarnation }: OtherNode, control: Control): void {
    const { feed } = this.#feeds.get(id) ?? {};
    if (control[0] === 'got') this.publisher.got(id, incarnation, control[3]);
    else if (control[0] === 'ask') this.publisher.repair(id, incarnation, control[3]);
    else if (control[0] === 'note') feed?.noted(control[3], control[4]);
    else if (control[0] === 'beat') feed?.heard(control[5]);
  }

  /** A packet of entries came on `subject`. */
  received(packet: Uint8Array, subject: string): void {
    const read = readEntries(packet, this.#options.seal, subject);
    if (read === undefined) return;
    const known = this.#feeds.get(read.node);
    if (known?.incarnation === read.incarnation) known.feed.received(read.entries);
  }

  close(): void {
    this.publisher.close();
    for (const { feed } of this.#feeds.values()) feed.close();
    this.#feeds.clear();
  }
}
