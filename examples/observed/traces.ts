import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';

const mostTraces = 20;

/** Keeps the last traces in memory. A program in production sends them to a collector, with a `BatchSpanProcessor`. */
export class RecentTraces implements SpanProcessor {
  readonly #traces = new Map<string, ReadableSpan[]>();

  /** Has OpenTelemetry follow this process, before the bus starts. */
  static follow(): RecentTraces {
    const recent = new RecentTraces();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recent] }));
    return recent;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    const { traceId } = span.spanContext();
    this.#traces.set(traceId, [...(this.#traces.get(traceId) ?? []), span]);
    for (const id of this.#traces.keys()) if (this.#traces.size > mostTraces) this.#traces.delete(id);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}

  /** The traces as trees, the last one first. */
  print(): string {
    const all = [...this.#traces].reverse();
    return all.map(([id, spans]) => `trace ${id}\n${treeOf(spans, undefined, '  ')}`).join('\n');
  }
}

/** The spans below `parent`; those whose parent is in another process are below none. */
function treeOf(spans: readonly ReadableSpan[], parent: string | undefined, before: string): string {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  return spans
    .filter(({ parentSpanContext }) => {
      const above = parentSpanContext?.spanId;
      return above !== undefined && ids.has(above) ? above === parent : parent === undefined;
    })
    .map((span) => {
      const { name, kind, duration, status } = span;
      const [seconds, nanoseconds] = duration;
      const ms = (seconds * 1_000 + nanoseconds / 1e6).toFixed(1);
      const failed = status.code === SpanStatusCode.ERROR ? `  ${status.message ?? 'failed'}` : '';
      const line = `${before}${SpanKind[kind].toLowerCase()} ${name}  ${ms} ms${failed}\n`;
      return line + treeOf(spans, span.spanContext().spanId, `${before}  `);
    })
    .join('');
}
