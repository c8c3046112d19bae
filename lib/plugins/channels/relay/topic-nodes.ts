import { listOf, type ListMessage, listReader, text, anything } from '../../../base/shape.ts';
import type { World, WorldLane } from '../../cluster/index.ts';
import { checkPattern, checkTopic, TopicTree } from '../topics/topic-tree.ts';

const pattern = text(255);

/** What nodes say about topics. */
const messages = {
  /** All patterns that somebody at the node has subscribed to. */
  wants: [listOf(pattern)],
  want: [pattern],
  unwant: [pattern],
  topic: [pattern, anything],
} as const;
type Message = ListMessage<typeof messages>;
const readMessage = listReader('message about topics', messages);

export interface TopicNodesEvents {
  /** A topic came from another node. */
  topic(topic: string, data: unknown): void;
  report(error: unknown): void;
}

/** The topics that the relays of other nodes want, where the server is a node of a cluster. */
export class TopicNodes {
  readonly #lane: WorldLane;
  readonly #events: TopicNodesEvents;
  /** How many here want a pattern. */
  readonly #own = new Map<string, number>();
  readonly #wanted = new TopicTree<string>();
  readonly #patterns = new Map<string, Set<string>>();
  /** Nodes that were declared dead. */
  readonly #dead = new Set<string>();

  constructor(world: World, events: TopicNodesEvents) {
    this.#events = events;
    this.#lane = world.lane('channels', { message: (data, from) => this.#heard(readMessage(data), from) });
    world.on('node', ({ id, state, reason }) => {
      if (state === 'left') this.#replace(id, []);
      if (state === 'dead') this.#dead.add(id);
      // One that was taken for dead was not told of changes.
      else if (state === 'up' && (this.#dead.delete(id) || reason === 'it joined')) {
        this.#send(id, ['wants', [...this.#own.keys()]]);
      }
    });
    world.on('status', (status) => {
      if (status === 'closed') for (const node of [...this.#patterns.keys()]) this.#replace(node, []);
    });
    for (const { id } of world.nodes.slice(1)) this.#send(id, ['wants', [...this.#own.keys()]]);
  }

  /** Somebody here wants a pattern, or one who did does not any more. */
  changed(wanted: string, by: 1 | -1): void {
    const before = this.#own.get(wanted) ?? 0;
    const now = before + by;
    if (now > 0) this.#own.set(wanted, now);
    else this.#own.delete(wanted);
    if (before > 0 === now > 0) return;
    for (const node of this.#lane.nodes) this.#send(node, [now > 0 ? 'want' : 'unwant', wanted]);
  }

  /** To the nodes where somebody wants it. Resolves when all sessions accepted it. */
  async publish(topic: string, data: unknown): Promise<void> {
    const nodes = this.#lane.nodes.filter((node) => this.#patterns.has(node));
    if (nodes.length === 0) return;
    const meant = this.#wanted.match(topic);
    const sends = nodes.filter((node) => meant.has(node)).map((node) => this.#sent(node, ['topic', topic, data]));
    await Promise.all(sends);
  }

  #heard(message: Message, from: string): void {
    switch (message[0]) {
      case 'topic':
        checkTopic(message[1]);
        this.#events.topic(message[1], message[2]);
        return;
      case 'wants':
        this.#replace(from, message[1]);
        return;
      case 'want':
        this.#add(from, message[1]);
        return;
      case 'unwant':
        if (this.#patterns.get(from)?.delete(message[1]) === true) this.#wanted.remove(message[1], from);
    }
  }

  #replace(node: string, patterns: readonly string[]): void {
    for (const before of this.#patterns.get(node) ?? []) this.#wanted.remove(before, node);
    this.#patterns.delete(node);
    for (const one of patterns) this.#add(node, one);
  }

  #add(node: string, one: string): void {
    checkPattern(one);
    const patterns = this.#patterns.get(node) ?? new Set();
    this.#patterns.set(node, patterns.add(one));
    this.#wanted.add(one, node);
  }

  #send(node: string, message: Message): void {
    void this.#sent(node, message);
  }

  /** A node that is gone wants nothing, and says again what it wants when it is back. */
  #sent(node: string, message: Message): Promise<void> {
    return this.#lane.send(node, message).catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'ERR_NODE_LOST' && code !== 'ERR_CLOSED') this.#events.report(error);
    });
  }
}
