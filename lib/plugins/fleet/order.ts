import { BusError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';

interface Ordered {
  readonly name: string;
  readonly after: readonly string[];
}

/** Which groups come after which. */
export class Order {
  /** Each behind those it comes after; those that are free in the order they were given. */
  readonly names: readonly string[];
  readonly #after: ReadonlyMap<string, readonly string[]>;

  /** @throws BusError `ERR_INVALID_OPTION` for an unknown name and for a circle. */
  constructor(groups: readonly Ordered[]) {
    const known = groups.map(({ name }) => name);
    for (const { name, after } of groups) {
      const unknown = after.find((other) => other !== 'hub' && !known.includes(other));
      if (unknown === undefined) continue;
      const near = nearest(unknown, [...known, 'hub']);
      const text = near === undefined ? `; there are hub, ${known.join(', ')}` : `, did you mean "${near}"?`;
      throw new BusError('ERR_INVALID_OPTION', `Group ${name} comes after "${unknown}", which is not a group${text}`);
    }
    this.#after = new Map(groups.map(({ name, after }) => [name, after.filter((other) => other !== 'hub')]));
    const names: string[] = [];
    for (const name of known) this.#visit(name, names, []);
    this.names = names;
  }

  /** Those that it waits for. */
  before(name: string): readonly string[] {
    return this.#after.get(name) ?? [];
  }

  /** Those that wait for it alone and directly. */
  waitingFor(name: string): string[] {
    return this.names.filter((other) => this.before(other).includes(name));
  }

  /**
   * Those that come after it, in their order: by what they wait for, or, where no group waits for another one, all that were given
   * behind it.
   */
  rest(name: string): string[] {
    if (this.names.every((other) => this.before(other).length === 0)) {
      return this.names.slice(this.names.indexOf(name) + 1);
    }
    const behind = new Set<string>([name]);
    for (const other of this.names) if (this.before(other).some((one) => behind.has(one))) behind.add(other);
    behind.delete(name);
    return this.names.filter((other) => behind.has(other));
  }

  #visit(name: string, names: string[], path: readonly string[]): void {
    if (names.includes(name)) return;
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(' after ');
      throw new BusError('ERR_INVALID_OPTION', `Groups come after each other in a circle: ${circle}`);
    }
    for (const other of this.before(name)) this.#visit(other, names, [...path, name]);
    names.push(name);
  }
}
