import type { Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { isThenable } from '../../base/handling.ts';
import type { Random } from '../../base/random.ts';
import { fromBytes, toBytes } from '../../base/trace-context.ts';
import type { Operations } from '../../session/operations.ts';
import type { Arrival, Operation, PeerHandle, PluginHost, Settled, Sighting, Watcher } from '../plugin.ts';
import { StoredContexts } from '../tracing/passed-contexts.ts';
import { Filter } from './inspection-filter.ts';
import { codeIn, methodIn, type Place, Trace, type TracedRequest, type TraceOwner } from './inspection-trace.ts';

/** For how long nothing may happen before a trace counts as over. */
const quietMs = 300;
const sampled = 1;

interface TracesOwner extends TraceOwner {
  readonly host: PluginHost;
  readonly operations: Operations<PeerHandle>;
  readonly random: Random;
}

/** What one looker waits for. */
class Wanted {
  readonly id: string | undefined;
  readonly filter: Filter;
  readonly report: Promise<TracedRequest>;
  done: (report: TracedRequest) => void = () => {};
  failed: (error: BusError) => void = () => {};
  trace: Trace | undefined;

  /** @throws BusError `ERR_INVALID_ARGUMENT`. */
  constructor({ id, globs }: Readonly<Record<string, unknown>>) {
    if (id !== undefined && (typeof id !== 'string' || !/^[\da-f]{32}$/.test(id))) {
      throw new BusError('ERR_INVALID_ARGUMENT', 'The id of a trace has 32 hexadecimal digits');
    }
    this.id = id;
    this.filter = new Filter(globs);
    this.report = new Promise((resolve, reject) => {
      this.done = resolve;
      this.failed = reject;
    });
  }
}

/** The traces that lookers want to see. While there is none of them, nothing is followed. */
export class Traces {
  readonly #owner: TracesOwner;
  readonly #wanted = new Map<PeerHandle, Wanted>();
  #tracer: LookingTracer | undefined;

  constructor(owner: TracesOwner) {
    this.#owner = owner;
  }

  /**
   * Resolves with the next request that `asked` is about, once nothing that it causes continues, or what there is of it when
   * the time is over. Rejects with `ERR_TIMEOUT` if there was none, and `ERR_ABORTED`.
   * @throws BusError `ERR_INVALID_ARGUMENT`, `ERR_STATE`.
   */
  async next(
    looker: PeerHandle,
    asked: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<TracedRequest> {
    const { timeout } = asked;
    if (typeof timeout !== 'number') throw new BusError('ERR_INVALID_ARGUMENT', 'A trace has a timeout');
    if (this.#wanted.has(looker)) throw new BusError('ERR_STATE', 'A looker follows one trace at a time');
    const wanted = new Wanted(asked);
    const late = (): void => {
      if (wanted.trace === undefined) wanted.failed(new BusError('ERR_TIMEOUT', 'No such request was made'));
      else wanted.done(wanted.trace.report());
    };
    const aborted = (): void => wanted.failed(new BusError('ERR_ABORTED'));
    const timer = timeout > 0 ? this.#owner.host.clock.setTimer(late, timeout, true) : undefined;
    signal.addEventListener('abort', aborted);
    this.#wanted.set(looker, wanted);
    this.#tracer ??= new LookingTracer(this.#owner, this.#wanted);
    try {
      return await wanted.report;
    } finally {
      timer?.cancel();
      signal.removeEventListener('abort', aborted);
      this.#wanted.delete(looker);
      this.#tracer?.left(wanted.trace);
      if (this.#wanted.size === 0) this.end();
    }
  }

  /** Nobody looks any more. */
  end(): void {
    this.#tracer?.end();
    this.#tracer = undefined;
    for (const { failed } of this.#wanted.values()) failed(new BusError('ERR_CLOSED'));
  }
}

/** Follows what lookers want to see, within the tracer of a plugin if there is one. */
class LookingTracer extends StoredContexts<Place> implements Watcher<PeerHandle> {
  readonly #owner: TracesOwner;
  readonly #wanted: ReadonlyMap<PeerHandle, Wanted>;
  /** By the ids that peers know them by. */
  readonly #traces = new Map<string, Trace>();
  readonly #timers = new Map<Trace, Timer>();
  readonly #stops: readonly (() => void)[];

  constructor(owner: TracesOwner, wanted: ReadonlyMap<PeerHandle, Wanted>) {
    super();
    this.#owner = owner;
    this.#wanted = wanted;
    this.#stops = [owner.operations.look(this), owner.host.watch(this)];
  }

  request(operation: Operation<PeerHandle>, task: () => Promise<unknown>): Promise<unknown> {
    const place = this.#next('request', 'out', operation, this.#now());
    if (place === undefined) return task();
    const { trace, index } = place;
    const { peer, lore } = operation;
    const answered = peer && trace.asks(peer, index);
    const asked = this.storage.run(place, task);
    asked.then(
      (answer) => trace.end(index, failureIn(lore, answer)),
      (error: unknown) => trace.end(index, codeIn(error)),
    );
    if (answered !== undefined) asked.then(answered, answered);
    return asked;
  }

  send<Result>(operation: Operation<PeerHandle>, task: () => Result): Result {
    const now = this.#now();
    const place = now && this.#next('message', 'out', operation, now);
    if (place === undefined) return task();
    const { trace, index } = place;
    try {
      const sent = this.storage.run(place, task);
      const over = (error?: unknown): void => trace.end(index, error === undefined ? undefined : codeIn(error));
      if (isThenable(sent)) sent.then(() => over(), over);
      else over();
      return sent;
    } catch (error) {
      trace.end(index, codeIn(error));
      throw error;
    }
  }

  handle(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    this.#arrived('request', arrival, task);
  }

  receive(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    this.#arrived('message', arrival, task);
  }

  saw({ direction, kind, peer, lane, data }: Sighting<PeerHandle>): void {
    if (direction === 'in' || kind !== 'message') return;
    const now = this.#now();
    now?.trace.sent(now.index, peer, lane, data);
  }

  /** One who wanted `trace` does not any more. */
  left(trace: Trace | undefined): void {
    const isWanted = [...this.#wanted.values()].some((one) => one.trace === trace);
    if (trace !== undefined && !isWanted) this.#forget(trace);
  }

  end(): void {
    for (const stop of this.#stops) stop();
    for (const trace of new Set(this.#traces.values())) this.#forget(trace);
    this.storage.disable();
  }

  protected bytesOf({ trace, bytes }: Place): Uint8Array | undefined {
    return trace.isOver ? undefined : bytes;
  }

  #now(): Place | undefined {
    const place = this.storage.getStore();
    return place?.trace.isOver === false ? place : undefined;
  }

  #arrived(kind: 'request' | 'message', arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    const { context, lore } = arrival;
    const sender = context && fromBytes(context);
    const trace = sender && this.#traces.get(sender.traceId);
    const parent = trace === undefined ? undefined : trace.parentOf(sender?.spanId ?? '', arrival.peer);
    const place = this.#next(kind, 'in', arrival, trace && { trace, index: parent }, sender?.traceId);
    if (place === undefined) {
      task();
      return;
    }
    const settled: Settled = (failure, result) =>
      place.trace.end(place.index, failure === undefined ? failureIn(lore, result) : codeIn(failure.error));
    this.storage.run(place, () => task(settled));
  }

  /** The place of what begins now: because of `cause`, or as what somebody waits for. */
  #next(
    kind: 'request' | 'message',
    direction: 'in' | 'out',
    operation: Operation<PeerHandle>,
    cause: { readonly trace: Trace; readonly index: number | undefined } | undefined,
    traceId?: string,
  ): Place | undefined {
    const own = this.#owner.operations.own?.current();
    const span = own && fromBytes(own);
    const trace = cause?.trace ?? this.#first(kind, direction, operation, traceId ?? span?.traceId);
    if (trace === undefined) return undefined;
    const index = trace.begin(kind, direction, operation, cause?.index);
    if (own !== undefined && span !== undefined) {
      this.#traces.set(span.traceId, trace);
      trace.knownAs(span.spanId, index);
      return { trace, index, bytes: own };
    }
    const spanId = this.#hex(8);
    trace.knownAs(spanId, index);
    return { trace, index, bytes: toBytes({ traceId: trace.id, spanId, traceFlags: sampled }) };
  }

  /** Begins a trace if somebody waits for it. */
  #first(
    kind: 'request' | 'message',
    direction: 'in' | 'out',
    { peer, lane, data, lore }: Operation<PeerHandle>,
    id = this.#hex(16),
  ): Trace | undefined {
    const { nameOf } = this.#owner;
    const who = [...this.#wanted.values()].filter(
      (one) =>
        one.trace === undefined &&
        (one.id === undefined ? kind === 'request' : one.id === id) &&
        one.filter.fits({ kind, lane, direction, peer, data }, nameOf, methodIn(lore, data)),
    );
    if (who.length === 0) return undefined;
    const trace = new Trace(id, this.#owner, () => this.#changed(trace));
    for (const one of who) one.trace = trace;
    this.#traces.set(id, trace);
    return trace;
  }

  #forget(trace: Trace): void {
    trace.isOver = true;
    this.#timers.get(trace)?.cancel();
    this.#timers.delete(trace);
    for (const [id, one] of this.#traces) if (one === trace) this.#traces.delete(id);
  }

  #changed(trace: Trace): void {
    this.#timers.get(trace)?.cancel();
    this.#timers.delete(trace);
    if (!trace.isQuiet || trace.isOver) return;
    const over = (): void => {
      for (const one of this.#wanted.values()) if (one.trace === trace) one.done(trace.report());
    };
    this.#timers.set(trace, this.#owner.host.clock.setTimer(over, quietMs, true));
  }

  #hex(bytes: number): string {
    return Buffer.from(this.#owner.random.bytes(bytes)).toString('hex');
  }
}

function failureIn(lore: Operation['lore'], answer: unknown): string | undefined {
  try {
    return lore?.failureOf?.(answer);
  } catch {
    return undefined;
  }
}
