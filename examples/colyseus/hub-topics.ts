import type { Connection } from 'busbar';
import { type CallContext, proxy } from 'busbar/rpc';
import { type Hearer, object } from './contract.ts';

type Caller = CallContext<Connection>;

/** Who has subscribed to what. */
export class HubTopics {
  readonly #byTopic = new Map<string, Set<Connection>>();

  subscribe(topic: string, { peer }: Caller): void {
    const known = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, known.add(peer));
  }

  unsubscribe(topic: string, { peer }: Caller): void {
    const known = this.#byTopic.get(topic);
    known?.delete(peer);
    if (known?.size === 0) this.#byTopic.delete(topic);
  }

  channels(...given: readonly [pattern: string, Caller] | readonly [Caller]): string[] {
    const topics = [...this.#byTopic.keys()];
    const pattern = given.length === 1 ? undefined : given[0];
    if (pattern === undefined) return topics;
    const literal = pattern.replace(/[\\^$+.()|[\]{}]/g, '\\$&');
    const matching = new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`);
    return topics.filter((topic) => matching.test(topic));
  }

  publish(topic: string, data: unknown): void {
    for (const connection of this.#byTopic.get(topic) ?? []) {
      // Who is gone hears nothing.
      proxy<Hearer>(connection, undefined, { id: object.topics })
        .$notify.heard(topic, data)
        .catch(() => undefined);
    }
  }

  /** Returns what nobody has subscribed to any more. */
  leave(connection: Connection): string[] {
    const left: string[] = [];
    for (const [topic, known] of this.#byTopic) {
      if (!known.delete(connection) || known.size > 0) continue;
      this.#byTopic.delete(topic);
      left.push(topic);
    }
    return left;
  }
}
