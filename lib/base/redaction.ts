/** What is shown instead of a masked value. */
const masked = '[redacted]';
/** Text and lists longer than this, and what is nested deeper, are cut. */
const longestText = 256;
const mostItems = 64;
const mostLevels = 8;
/** Values that are shown of one message, however they are nested. */
const mostValues = 512;

/** A value to be shown to people, and whether something of it was left out because it is long. */
export interface ShownValue {
  readonly data: unknown;
  readonly cut: boolean;
}

/**
 * What is left out of values before anybody sees them. A path is one name or several with dots between them, and fits wherever
 * those names follow each other, however deep: `card.number` is the `number` of each `card`. Lists do not count.
 */
export class Redaction {
  readonly #paths: readonly (readonly string[])[];

  constructor(paths: readonly string[]) {
    // From its end, where it is compared first.
    this.#paths = paths.map((path) => path.split('.').reverse());
  }

  /**
   * A copy of `data` with what the paths name masked and what is long cut short: of plain objects, lists, texts and numbers
   * alone. Never throws, whatever `data` does when it is looked at.
   */
  show(data: unknown): ShownValue {
    const view = new View((names) => this.#isMasked(names));
    const shown = view.of(data);
    return { data: shown, cut: view.cut };
  }

  #isMasked(names: readonly string[]): boolean {
    return this.#paths.some((path) => path.every((name, at) => names[names.length - 1 - at] === name));
  }
}

/** One value being shown. */
class View {
  cut = false;
  readonly #isMasked: (names: readonly string[]) => boolean;
  readonly #names: string[] = [];
  #level = 0;
  #values = 0;

  constructor(isMasked: (names: readonly string[]) => boolean) {
    this.#isMasked = isMasked;
  }

  of(value: unknown): unknown {
    this.#values += 1;
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'bigint') return this.#text(String(value));
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
    if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
    if (typeof value !== 'object' || value === null) return value;
    try {
      return this.#object(value);
    } catch {
      return '[unreadable]';
    }
  }

  #text(text: string): string {
    if (text.length <= longestText) return text;
    this.cut = true;
    return `${text.slice(0, longestText)}… (${text.length} characters)`;
  }

  #object(value: object): unknown {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (value instanceof Date || value instanceof RegExp) return this.#text(String(value));
    if (value instanceof Error)
      return this.#members([
        ['name', value.name],
        ['message', value.message],
      ]);
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.of((value.toJSON as () => unknown)());
    if (Array.isArray(value) || value instanceof Set) return this.#list(value);
    if (value instanceof Map) return this.#members(value.entries());
    return this.#members(Object.entries(value));
  }

  #list(items: Iterable<unknown>): unknown {
    return this.#inside(() => {
      const shown: unknown[] = [];
      for (const item of items) {
        if (!this.#hasRoom(shown.length)) break;
        shown.push(this.of(item));
      }
      return shown;
    });
  }

  #members(members: Iterable<readonly [unknown, unknown]>): unknown {
    return this.#inside(() => {
      const shown: [string, unknown][] = [];
      for (const [key, value] of members) {
        if (!this.#hasRoom(shown.length)) break;
        const name = String(key);
        this.#names.push(name);
        shown.push([this.#text(name), this.#isMasked(this.#names) ? masked : this.of(value)]);
        this.#names.pop();
      }
      return Object.fromEntries(shown);
    });
  }

  #hasRoom(items: number): boolean {
    const hasRoom = items < mostItems && this.#values < mostValues;
    this.cut ||= !hasRoom;
    return hasRoom;
  }

  #inside(show: () => unknown): unknown {
    if (this.#level >= mostLevels) {
      this.cut = true;
      return '[…]';
    }
    this.#level += 1;
    try {
      return show();
    } finally {
      this.#level -= 1;
    }
  }
}
