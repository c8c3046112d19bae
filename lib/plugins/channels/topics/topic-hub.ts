import { BusError } from '../../../base/errors.ts';
import type { Lane } from '../../../bus/plugin.ts';
import type { BusMember } from '../relay/bus-member.ts';
import { checkPattern, checkTopic, TopicTree } from './topic-tree.ts';

export type TopicListener = (data: unknown, topic: string) => unknown;

/** Who at the relay gets which topics: bus peers, and listeners in the relay's own process. */
export class TopicHub {
  readonly #lane: Lane;
  readonly #maxSubscriptions: number;
  readonly #remote = new TopicTree<BusMember>();
  readonly #local = new TopicTree<TopicListener>();

  constructor(lane: Lane, maxSubscriptions: number) {
    this.#lane = lane;
    this.#maxSubscriptions = maxSubscriptions;
  }

  /** Brings `data` once to everybody who has a pattern that fits; encoded once. */
  async publish(topic: unknown, data: unknown): Promise<void> {
    checkTopic(topic);
    for (const listener of this.#local.match(topic)) await listener(data, topic);
    const members = [...this.#remote.match(topic)];
    if (members.length === 0) return;
    await this.#lane.broadcast(
      members.map((member) => member.handle),
      ['topic', topic, data],
    );
  }

  subscribe(member: BusMember, pattern: unknown): void {
    checkPattern(pattern);
    if (!member.present) return;
    if (member.patterns.size >= this.#maxSubscriptions) {
      throw new BusError('ERR_TOO_LARGE', `A peer may subscribe to ${this.#maxSubscriptions} patterns.`);
    }
    member.patterns.add(pattern);
    this.#remote.add(pattern, member);
  }

  unsubscribe(member: BusMember, pattern: unknown): void {
    if (typeof pattern !== 'string' || !member.patterns.delete(pattern)) return;
    this.#remote.remove(pattern, member);
  }

  /** Subscribes within this process; the function returned ends it. */
  listen(pattern: string, listener: TopicListener): () => void {
    checkPattern(pattern);
    this.#local.add(pattern, listener);
    return () => this.#local.remove(pattern, listener);
  }

  forget(member: BusMember): void {
    for (const pattern of member.patterns) this.#remote.remove(pattern, member);
    member.patterns.clear();
  }
}
