import { context, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** The SDK of OpenTelemetry in this process, and the spans that ended. */
export class Exported {
  readonly #exporter = new InMemorySpanExporter();
  readonly #provider: BasicTracerProvider;
  readonly #others: PlainSpan[] = [];

  /** Until `stop`, as there is one in a process. */
  constructor(sampler?: Sampler) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    this.#provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(this.#exporter)],
      ...(sampler && { sampler }),
    });
    trace.setGlobalTracerProvider(this.#provider);
  }

  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  forget(): void {
    this.#exporter.reset();
    this.#others.length = 0;
  }

  async stop(): Promise<void> {
    await this.#provider.shutdown();
    trace.disable();
    context.disable();
  }

  /** Runs `task` in a span of its own. */
  async within<Result>(name: string, task: () => Promise<Result> | Result): Promise<Result> {
    return trace.getTracer('spec').startActiveSpan(name, async (span) => {
      try {
        return await task();
      } finally {
        span.end();
      }
    });
  }

  /** What ended in this process, and in others that said so. */
  get all(): readonly PlainSpan[] {
    return [...this.spans.map(plainOf), ...this.#others];
  }

  /** Spans of another process. */
  add(others: readonly PlainSpan[]): void {
    this.#others.push(...others);
  }

  /** Each span with its kind and that of its parent, or what it is linked to, as a tree in lines. */
  get tree(): string[] {
    const { all } = this;
    const ids = new Set(all.map(({ id }) => id));
    const lines: string[] = [];
    const add = (span: PlainSpan, depth: number): void => {
      lines.push(`${'  '.repeat(depth)}${span.kind} ${span.name}`);
      for (const child of all) if (child.parent === span.id) add(child, depth + 1);
    };
    for (const span of all) if (!ids.has(span.parent ?? '')) add(span, 0);
    return lines;
  }

  /** Spans whose parent is not among them or of another trace; a root has none. */
  get broken(): string[] {
    const { all } = this;
    const byId = new Map(all.map((span) => [span.id, span]));
    return all
      .filter(({ parent, trace: id }) => parent !== undefined && byId.get(parent)?.trace !== id)
      .map(({ name }) => name);
  }

  get traces(): number {
    return new Set(this.all.map(({ trace: id }) => id)).size;
  }
}

/** A span as it is told to another process. */
export interface PlainSpan {
  readonly trace: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly kind: string;
  readonly name: string;
}

function plainOf(span: ReadableSpan): PlainSpan {
  const { traceId, spanId } = span.spanContext();
  const { name, kind, parentSpanContext } = span;
  return { trace: traceId, id: spanId, parent: parentSpanContext?.spanId, kind: SpanKind[kind].toLowerCase(), name };
}
