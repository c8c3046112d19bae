import { streamsIn } from './references.ts';

/** How an exported stream reaches the peer. */
export interface ExportedStreamOutlet {
  item(stream: number, value: unknown): Promise<void>;
  end(stream: number, error: unknown): void;
}

/** An async iterable of this end's that the peer reads: sends as many items as the peer asked for, and not one more. */
export class ExportedStream {
  readonly source: AsyncIterable<unknown>;
  readonly #id: number;
  readonly #outlet: ExportedStreamOutlet;
  readonly #hooks: (() => void)[] = [];
  #iterator: AsyncIterator<unknown> | undefined;
  /** What the peer asked for and did not get. No window of `base/flow-control`: its size is the peer's to choose. */
  #credit = 0;
  #state: 'idle' | 'pumping' | 'over' = 'idle';

  constructor(id: number, source: AsyncIterable<unknown>, outlet: ExportedStreamOutlet) {
    this.#id = id;
    this.source = source;
    this.#outlet = outlet;
    // Whoever reads it learns of its error, and until then it must not end the process.
    if (isDestroyable(source)) source.on('error', () => undefined);
  }

  /** The peer can receive this many items more. */
  credit(items: number): void {
    this.#credit += items;
    if (this.#state !== 'idle') return;
    this.#state = 'pumping';
    void this.#pump();
  }

  /** Nobody wants more; the source is told. */
  stop(): void {
    if (this.#state === 'over') return;
    this.#over();
    endSource(this.source, this.#iterator);
  }

  /** Calls `hook` when nothing more is read from the source. */
  whenOver(hook: () => void): void {
    this.#hooks.push(hook);
  }

  async #pump(): Promise<void> {
    try {
      const iterator = (this.#iterator ??= this.source[Symbol.asyncIterator]());
      while (this.#state === 'pumping' && this.#credit > 0) {
        this.#credit -= 1;
        const next: IteratorResult<unknown, unknown> = await iterator.next();
        if (this.#stopped()) return;
        if (next.done === true) {
          this.#over();
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

  #over(): void {
    this.#state = 'over';
    for (const hook of this.#hooks.splice(0)) hook();
  }

  #stopped(): boolean {
    return this.#state === 'over';
  }
}

/** Ends the streams that `value` holds, but for those `known`. */
export function endStreamsIn(value: unknown, known: readonly unknown[] = []): void {
  for (const stream of streamsIn(value)) if (!known.includes(stream)) endSource(stream);
}

/** Ends a stream before its time, read or not; whether it minds is nobody's concern. */
function endSource(source: AsyncIterable<unknown>, iterator?: AsyncIterator<unknown>): void {
  const end = async (): Promise<void> => {
    // An iterator of a stream of Node ends it only if it was read, and waits for what it reads at present.
    if (isDestroyable(source)) source.on('error', () => undefined).destroy();
    else await (iterator ?? source[Symbol.asyncIterator]()).return?.();
  };
  end().catch(() => undefined);
}

interface Destroyable {
  on(event: 'error', listener: () => void): this;
  destroy(): unknown;
}

/** Whether it is a stream of Node, or of a package that makes such streams. */
function isDestroyable(source: object): source is Destroyable {
  return (
    'destroy' in source && typeof source.destroy === 'function' && 'on' in source && typeof source.on === 'function'
  );
}
