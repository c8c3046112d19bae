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

  /** Each span with its kind and that of its parent, or what it is linked to, as a tree in lines. */
  get tree(): string[] {
    const { spans } = this;
    const ids = new Set(spans.map((span) => span.spanContext().spanId));
    const lines: string[] = [];
    const add = (span: ReadableSpan, depth: number): void => {
      lines.push(`${'  '.repeat(depth)}${SpanKind[span.kind].toLowerCase()} ${span.name}`);
      for (const child of spans) if (parentOf(child) === span.spanContext().spanId) add(child, depth + 1);
    };
    for (const span of spans) if (!ids.has(parentOf(span) ?? '')) add(span, 0);
    return lines;
  }

  /** Spans whose parent is not among them or of another trace; a root has none. */
  get broken(): string[] {
    const byId = new Map(this.spans.map((span) => [span.spanContext().spanId, span]));
    return this.spans
      .filter((span) => {
        const parent = parentOf(span);
        return parent !== undefined && byId.get(parent)?.spanContext().traceId !== span.spanContext().traceId;
      })
      .map(({ name }) => name);
  }

  get traces(): number {
    return new Set(this.spans.map((span) => span.spanContext().traceId)).size;
  }
}

function parentOf(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId;
}
