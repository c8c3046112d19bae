import { BusError } from '../../../base/errors.ts';
import type { Lane } from '../../../bus/plugin.ts';
import { Subscriptions, type TopicListener } from '../topics/subscriptions.ts';
import { checkPattern, checkTopic, TopicTree } from '../topics/topic-tree.ts';
import type { World } from '../../cluster/index.ts';
import { TopicNodes } from './topic-nodes.ts';
import type { BusMember } from './bus-member.ts';

/** Who at the relay gets which topics: bus peers, and listeners in the relay's own process. */
export class TopicHub {
  readonly #lane: Lane;
  readonly #maxSubscriptions: number;
  readonly #remote = new TopicTree<BusMember>();
  readonly #local: Subscriptions;
  readonly #nodes: TopicNodes | undefined;
  /** How many patterns peers have subscribed to, each peer for itself. */
  subscriptions = 0;

  /** `world`: where the server is a node of it, the topics of all nodes are one. */
  constructor(lane: Lane, maxSubscriptions: number, report: (error: unknown) => void, world: World | undefined) {
    this.#lane = lane;
    this.#local = new Subscriptions({
      wanted: (pattern, wanted) => this.#nodes?.changed(pattern, wanted ? 1 : -1),
      failed: report,
    });
    this.#nodes = world && new TopicNodes(world, { topic: (topic, data) => void this.#deliver(topic, data), report });
    this.#maxSubscriptions = maxSubscriptions;
  }

  /**
   * Brings `data` once to everybody who has a pattern that fits; encoded once. Resolves when all sessions accepted it.
   * @throws BusError `ERR_INVALID_ARGUMENT` for an invalid topic.
   */
  publish(topic: unknown, data: unknown): Promise<void> {
    checkTopic(topic);
    const here = this.#deliver(topic, data);
    if (this.#nodes === undefined) return here;
    return Promise.all([here, this.#nodes.publish(topic, data)]).then(() => {});
  }

  #deliver(topic: string, data: unknown): Promise<void> {
    this.#local.deliver(topic, data);
    const handles = Array.from(this.#remote.match(topic), (member) => member.handle);
    return handles.length === 0 ? Promise.resolve() : this.#lane.broadcast(handles, ['topic', topic, data]);
  }

  subscribe(member: BusMember, pattern: unknown): void {
    checkPattern(pattern);
    if (!member.present) return;
    if (member.patterns.size >= this.#maxSubscriptions) {
      throw new BusError('ERR_TOO_LARGE', `A peer can subscribe to at most ${this.#maxSubscriptions} patterns`);
    }
    if (member.patterns.has(pattern)) return;
    member.patterns.add(pattern);
    this.#remote.add(pattern, member);
    this.subscriptions += 1;
    this.#nodes?.changed(pattern, 1);
  }

  unsubscribe(member: BusMember, pattern: unknown): void {
    if (typeof pattern !== 'string' || !member.patterns.delete(pattern)) return;
    this.subscriptions -= 1;
    this.#remote.remove(pattern, member);
    this.#nodes?.changed(pattern, -1);
  }

  /** Subscribes within this process; the function returned ends it. */
  listen(pattern: string, listener: TopicListener): () => void {
    const { unsubscribe } = this.#local.add(pattern, listener);
    return unsubscribe;
  }

  forget(member: BusMember): void {
    this.subscriptions -= member.patterns.size;
    for (const pattern of member.patterns) {
      this.#remote.remove(pattern, member);
      this.#nodes?.changed(pattern, -1);
    }
    member.patterns.clear();
  }
}
