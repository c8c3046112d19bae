/** How a source reaches the other side. */
export interface SourceOutlet {
  item(stream: number, value: unknown): Promise<void>;
  end(stream: number, error: unknown): void;
}

/** An async iterable lent to the other side: sends as many items as the other side asked for, and not one more. */
export class StreamSource {
  readonly #id: number;
  readonly #source: AsyncIterable<unknown>;
  readonly #outlet: SourceOutlet;
  #iterator: AsyncIterator<unknown> | undefined;
  #credit = 0;
  #state: 'idle' | 'pumping' | 'over' = 'idle';

  constructor(id: number, source: AsyncIterable<unknown>, outlet: SourceOutlet) {
    this.#id = id;
    this.#source = source;
    this.#outlet = outlet;
  }

  /** The other side takes so many items more. */
  credit(items: number): void {
    this.#credit += items;
    if (this.#state !== 'idle') return;
    this.#state = 'pumping';
    void this.#pump();
  }

  /** Nobody wants more; the source is told. */
  stop(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    const iterator = this.#iterator ?? this.#source[Symbol.asyncIterator]();
    // Whether the source minds being stopped is nobody's concern any more.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }

  async #pump(): Promise<void> {
    try {
      const iterator = (this.#iterator ??= this.#source[Symbol.asyncIterator]());
      while (this.#state === 'pumping' && this.#credit > 0) {
        this.#credit -= 1;
        const next: IteratorResult<unknown, unknown> = await iterator.next();
        if (this.#stopped()) return;
        if (next.done === true) {
          this.#state = 'over';
          this.#outlet.end(this.#id, undefined);
          return;
        }
        await this.#outlet.item(this.#id, next.value);
      }
      if (this.#state === 'pumping') this.#state = 'idle';
    } catch (error) {
      if (this.#stopped()) return;
      this.stop();
      this.#outlet.end(this.#id, error);
    }
  }

  #stopped(): boolean {
    return this.#state === 'over';
  }
}
