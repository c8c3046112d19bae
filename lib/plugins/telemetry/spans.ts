import type * as OpenTelemetry from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanKind } from '@opentelemetry/api';
import { isThenable } from '../../base/handling.ts';
import { codeOf, textOf } from '../../base/thrown.ts';
import { fromBytes, isSampled, toBytes } from '../../base/trace-context.ts';
import type { Arrival, Operation, PeerHandle, PluginHost, Settled, Tracer } from '../../bus/plugin.ts';
import type { TelemetrySettings } from './options.ts';
import { installed } from './packages.ts';

type Host = Pick<PluginHost, 'side' | 'random'>;
type Spans = Pick<TelemetrySettings, 'spans' | 'ratio' | 'parent' | 'nameOf'>;

const longestName = 100;
const longestCode = 64;

/** Has OpenTelemetry follow what is done. @throws BusError `ERR_PLUGIN`. */
export function spansOf(settings: Spans, host: Host): Tracer<PeerHandle> {
  const api = installed<typeof OpenTelemetry>('@opentelemetry/api');
  return settings.spans === 'all' ? new MessageTracer(api, settings, host) : new SpanTracer(api, settings, host);
}

/** Spans of requests and their handlers; messages carry the context alone. */
class SpanTracer implements Tracer<PeerHandle> {
  readonly followsMessages: boolean = false;
  protected readonly api: typeof OpenTelemetry;
  protected readonly parent: boolean;
  readonly #tracer: OpenTelemetry.Tracer;
  readonly #root: Context;
  readonly #nameOf: Spans['nameOf'];
  readonly #ratio: number;
  readonly #random: PluginHost['random'];
  readonly #side: 'server' | 'client';
  /** The context that was asked for last, and what of it travels: many messages are sent in one. */
  #lastContext: Context | undefined;
  #lastBytes: Uint8Array | undefined;

  constructor(api: typeof OpenTelemetry, { parent, ratio, nameOf }: Spans, { side, random }: Host) {
    this.api = api;
    this.parent = parent;
    this.#root = api.ROOT_CONTEXT;
    this.#tracer = api.trace.getTracer('busbar');
    this.#nameOf = nameOf;
    this.#ratio = ratio;
    this.#random = random;
    this.#side = side;
  }

  current(): Uint8Array | undefined {
    const active = this.api.context.active();
    if (active === this.#root) return undefined;
    if (active === this.#lastContext) return this.#lastBytes;
    const span = this.api.trace.getSpanContext(active);
    this.#lastContext = active;
    this.#lastBytes = span !== undefined && isSampled(span) ? toBytes(span) : undefined;
    return this.#lastBytes;
  }

  bind<Given extends readonly unknown[], Result>(task: (...given: Given) => Result): (...given: Given) => Result {
    const active = this.api.context.active();
    return (...given) => this.api.context.with(active, () => task(...given));
  }

  outside<Result>(task: () => Result): Result {
    const { context } = this.api;
    return context.active() === this.#root ? task() : context.with(this.#root, task);
  }

  request(operation: Operation<PeerHandle>, task: () => Promise<unknown>): Promise<unknown> {
    const active = this.api.context.active();
    if (!this.begins(active)) return task();
    const name = this.nameOf(operation, 'request');
    const attributes = { 'rpc.system.name': 'busbar', 'rpc.method': name };
    const span = this.begin(name, this.api.SpanKind.CLIENT, attributes, active);
    if (!span.isRecording()) return active === this.#root ? task() : this.within(span, active, task);
    span.setAttributes(this.#whom(operation));
    const asked = this.within(span, active, task);
    const { lore } = operation;
    asked.then(
      (answer) => this.end(span, lore?.failureOf?.(answer)),
      (error: unknown) => this.end(span, codeIn(error), error),
    );
    return asked;
  }

  handle(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    if (!this.came(arrival)) {
      task();
      return;
    }
    const parent = this.sender(arrival);
    const name = this.nameOf(arrival, 'request');
    const attributes = { 'rpc.system.name': 'busbar', 'rpc.method': name };
    const span = this.begin(name, this.api.SpanKind.SERVER, attributes, parent);
    this.#handled(span, parent, arrival, task);
  }

  receive(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    if (arrival.context === undefined) task();
    else this.api.context.with(this.sender(arrival), task);
  }

  /** Whether what is done in `active` may be recorded: the SDK is slow to find out that it is not. */
  protected begins(active: Context): boolean {
    const parent = active === this.#root ? undefined : this.api.trace.getSpanContext(active);
    if (parent === undefined || parent.traceId === this.api.INVALID_TRACEID) {
      return this.#ratio === 1 || this.#random.unit() < this.#ratio;
    }
    return (parent.traceFlags & this.api.TraceFlags.SAMPLED) !== 0;
  }

  /** The same of what came. A peer that says contexts and said none of this has it in no trace, or in one that is not sampled. */
  protected came({ context, traces }: Arrival<PeerHandle>): boolean {
    return context !== undefined || (!traces && this.begins(this.#root));
  }

  protected begin(name: string, kind: SpanKind, attributes: Attributes, parent: Context): Span {
    return this.#tracer.startSpan(name, { kind, attributes }, parent);
  }

  protected beginLinked(name: string, kind: SpanKind, attributes: Attributes, sender: Context): Span {
    const linked = this.api.trace.getSpanContext(sender);
    const links = linked === undefined ? [] : [{ context: linked }];
    return this.#tracer.startSpan(name, { kind, attributes, links, root: true }, this.#root);
  }

  /** Runs the handler of what came in `span`, which it ends. */
  protected followed(span: Span, arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    this.#handled(span, this.#root, arrival, task);
  }

  #handled(span: Span, parent: Context, arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    if (!span.isRecording()) {
      this.within(span, parent, task);
      return;
    }
    span.setAttributes(this.#whom(arrival));
    const settled: Settled = (failure, result) => {
      if (failure === undefined) this.end(span, arrival.lore?.failureOf?.(result));
      else this.end(span, codeIn(failure.error), failure.error);
    };
    this.within(span, parent, () => task(settled));
  }

  /** The context of who sent it. */
  protected sender({ context }: Arrival<PeerHandle>): Context {
    const span = context && fromBytes(context);
    return span === undefined ? this.#root : this.api.trace.setSpanContext(this.#root, span);
  }

  protected within<Result>(span: Span, parent: Context, task: () => Result): Result {
    return this.api.context.with(this.api.trace.setSpan(parent, span), task);
  }

  protected end(span: Span, code: string | undefined, error?: unknown): void {
    if (span.isRecording()) {
      if (code !== undefined) {
        span.setAttributes({ 'error.type': code, 'rpc.response.status_code': code });
        const message = error === undefined ? code : textOf(error);
        span.setStatus({ code: this.api.SpanStatusCode.ERROR, message });
      }
      span.end();
    }
  }

  protected nameOf({ lane, data, lore }: Operation<PeerHandle>, usual: string): string {
    try {
      const name: unknown = lane === '' ? this.#nameOf?.(data) : lore?.nameOf?.(data);
      if (typeof name === 'string' && name !== '') return name.slice(0, longestName);
    } catch {
      // Whoever named it made a mistake, which is no reason to lose what is named.
    }
    return lane === '' ? usual : lane;
  }

  #whom({ peer, lane }: Operation<PeerHandle>): Attributes {
    const attributes: Attributes = {};
    if (lane !== '') attributes['busbar.lane'] = lane;
    if (peer?.remoteAddress !== undefined) {
      attributes['network.peer.address'] = peer.remoteAddress;
      if (this.#side === 'client') attributes['server.address'] = peer.remoteAddress;
    }
    if (peer?.linkKind !== undefined) attributes['network.transport'] = transportOf(peer.linkKind);
    if (this.#side === 'server' && peer?.id !== undefined) attributes['busbar.peer.id'] = peer.id;
    return attributes;
  }
}

/** Spans of messages too. */
class MessageTracer extends SpanTracer {
  override readonly followsMessages = true;

  send<Result>(operation: Operation<PeerHandle>, task: () => Result): Result {
    const active = this.api.context.active();
    if (!this.begins(active)) return task();
    const destination = this.nameOf(operation, 'message');
    const span = this.begin(
      `send ${destination}`,
      this.api.SpanKind.PRODUCER,
      attributesOf('send', destination),
      active,
    );
    const failed = (error: unknown): void => this.end(span, codeIn(error), error);
    try {
      const sent = this.within(span, active, task);
      if (isThenable(sent)) sent.then(() => this.end(span, undefined), failed);
      else this.end(span, undefined);
      return sent;
    } catch (error) {
      failed(error);
      throw error;
    }
  }

  override receive(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    if (!this.came(arrival)) {
      task();
      return;
    }
    const destination = this.nameOf(arrival, 'message');
    const sender = this.sender(arrival);
    const begun = [`process ${destination}`, this.api.SpanKind.CONSUMER, attributesOf('process', destination)] as const;
    const span = this.parent ? this.begin(...begun, sender) : this.beginLinked(...begun, sender);
    this.followed(span, arrival, task);
  }
}

function attributesOf(operation: 'send' | 'process', destination: string): Attributes {
  return {
    'messaging.system': 'busbar',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': destination,
  };
}

function codeIn(error: unknown): string {
  return codeOf(error)?.slice(0, longestCode) ?? 'ERR_REMOTE';
}

function transportOf(kind: string): string {
  if (kind === 'tcp' || kind === 'tls') return 'tcp';
  return kind === 'unix' || kind === 'pipe' ? kind : 'other';
}
