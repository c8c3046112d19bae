/** The subscribers of topics. A topic exists as long as it has subscribers. */
export class TopicTable {
  readonly #members = new Map<string, Set<string>>();
  readonly #topics = new Map<string, Set<string>>();

  subscribe(id: string, topic: string): void {
    entry(this.#members, topic).add(id);
    entry(this.#topics, id).add(topic);
  }

  /** False if there was no such subscription. */
  unsubscribe(id: string, topic: string): boolean {
    remove(this.#topics, id, topic);
    return remove(this.#members, topic, id);
  }

  /** Removes all subscriptions of a client. */
  leave(id: string): void {
    for (const topic of this.#topics.get(id) ?? []) remove(this.#members, topic, id);
    this.#topics.delete(id);
  }

  members(topic: string): Iterable<string> {
    return this.#members.get(topic) ?? [];
  }

  topicsOf(id: string): readonly string[] {
    return [...(this.#topics.get(id) ?? [])];
  }
}

function entry(table: Map<string, Set<string>>, key: string): Set<string> {
  let set = table.get(key);
  if (set === undefined) {
    set = new Set();
    table.set(key, set);
  }
  return set;
}

function remove(table: Map<string, Set<string>>, key: string, value: string): boolean {
  const set = table.get(key);
  if (set === undefined) return false;
  const had = set.delete(value);
  if (set.size === 0) table.delete(key);
  return had;
}
