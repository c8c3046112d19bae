import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import { BusError } from '../../base/errors.ts';
import { isThenable } from '../../base/handling.ts';
import type { Arrival, LaneLore, Operation, Operations, Settled, Tracer } from '../../session/operations.ts';
import { isContractValue } from '../../wire/contracts.ts';
import type { Traced } from '../../wire/native/intro.ts';
import type { PeerHandle } from '../lane.ts';
import { NestedTracers } from './nested-tracers.ts';
import { PassedContexts } from './passed-contexts.ts';

/** What `busbar.request`, `busbar.handle` and `busbar.send` of `node:diagnostics_channel` report of one operation. */
export interface OperationContext {
  /** With whom; undefined for a broadcast to several. */
  readonly peer: PeerHandle | undefined;
  /** '' for the user's own, otherwise the name of a plugin. */
  readonly lane: string;
  /** What is sent or came: not to be changed. */
  readonly data: unknown;
  /** Of `busbar.handle`: what came. */
  readonly kind?: 'message' | 'request';
  /** The answer, with `asyncEnd`. */
  result?: unknown;
  /** Why it failed, with `error`. */
  error?: unknown;
}

/** What `busbar.connect` tells. */
export interface ConnectContext {
  /** The client that connects. */
  readonly peer: PeerHandle;
  error?: unknown;
}

/** One for the whole process, whichever client or server it is of. */
const channels = {
  request: tracingChannel<unknown, OperationContext>('busbar.request'),
  handle: tracingChannel<unknown, OperationContext>('busbar.handle'),
  send: tracingChannel<unknown, OperationContext>('busbar.send'),
  connect: tracingChannel<unknown, ConnectContext>('busbar.connect'),
} as const;

/** Follows what one client or server does: for a tracer, if it has one, and for who subscribed to the channels. */
export class FollowedOperations implements Operations<PeerHandle> {
  tracer: Tracer<PeerHandle> | undefined;
  own: Tracer<PeerHandle> | undefined;
  readonly lent: Traced;
  readonly lore = new Map<string, LaneLore>();
  readonly #passes: boolean;
  #looking: Tracer<PeerHandle> | undefined;

  /** A client `passes` on what its server says, and all it has of itself; a server says no more than who looks at it. */
  constructor(passes: boolean) {
    this.#passes = passes;
    const looking = (): Tracer<PeerHandle> | undefined => this.#looking;
    this.lent = passes
      ? this
      : {
          get tracer() {
            return looking();
          },
        };
  }

  get followsRequests(): boolean {
    return this.tracer?.request !== undefined || channels.request.hasSubscribers;
  }

  get followsSends(): boolean {
    return this.tracer?.send !== undefined || channels.send.hasSubscribers;
  }

  get followsHandlers(): boolean {
    return this.tracer !== undefined || channels.handle.hasSubscribers;
  }

  get followsMessages(): boolean {
    return this.tracer?.followsMessages === true || channels.handle.hasSubscribers;
  }

  trace(tracer: Tracer<PeerHandle>): () => void {
    if (this.own !== undefined) throw new BusError('ERR_PLUGIN', 'Another plugin traces already');
    this.own = tracer;
    this.#together();
    return () => {
      this.own = undefined;
      this.#together();
    };
  }

  look(tracer: Tracer<PeerHandle>): () => void {
    this.#looking = tracer;
    this.#together();
    return () => {
      this.#looking = undefined;
      this.#together();
    };
  }

  request(asked: Omit<Operation<PeerHandle>, 'lore'>, task: () => Promise<unknown>): Promise<unknown> {
    const { tracer } = this;
    const published = channels.request.hasSubscribers ? () => follow(channels.request, contextOf(asked), task) : task;
    return tracer?.request === undefined ? published() : tracer.request(this.#asked(asked), published);
  }

  send<Result>(asked: Omit<Operation<PeerHandle>, 'lore'>, task: () => Result): Result {
    const { tracer } = this;
    const published = channels.send.hasSubscribers ? () => follow(channels.send, contextOf(asked), task) : task;
    return tracer?.send === undefined ? published() : tracer.send(this.#asked(asked), published);
  }

  handle(came: Omit<Arrival<PeerHandle>, 'lore'>, task: (settled?: Settled) => void): void {
    const tracer = this.#tracerOf(came);
    const published = channels.handle.hasSubscribers ? followHandled('request', came, task) : task;
    if (tracer === undefined) published();
    else tracer.handle(this.#came(came), published);
  }

  receive(came: Omit<Arrival<PeerHandle>, 'lore'>, task: (settled?: Settled) => void): void {
    const tracer = this.#tracerOf(came);
    const published = channels.handle.hasSubscribers ? followHandled('message', came, task) : task;
    if (tracer === undefined) published();
    else tracer.receive(this.#came(came), published);
  }

  /** The first context that comes to a client without a tracer is the beginning of passing them on. */
  #tracerOf({ context }: Omit<Arrival<PeerHandle>, 'lore'>): Tracer<PeerHandle> | undefined {
    if (this.tracer === undefined && context !== undefined && this.#passes) {
      const end = this.look(new PassedContexts(() => end()));
    }
    return this.tracer;
  }

  #together(): void {
    const [own, looking] = [this.own, this.#looking];
    this.tracer = own === undefined || looking === undefined ? (own ?? looking) : new NestedTracers(own, looking);
  }

  #asked({ peer, lane, data }: Omit<Operation<PeerHandle>, 'lore'>): Operation<PeerHandle> {
    return { peer, lane, data, lore: this.#loreOf(lane) };
  }

  /** Member by member, as a spread takes longer than all else that is done for what is not sampled. */
  #came({ peer, lane, data, context, traces }: Omit<Arrival<PeerHandle>, 'lore'>): Arrival<PeerHandle> {
    return { peer, lane, data, context, traces, lore: this.#loreOf(lane) };
  }

  #loreOf(lane: string): LaneLore | undefined {
    return lane === '' ? undefined : this.lore.get(lane);
  }
}

/** Publishes what comes of connecting. */
export function followConnect<Result>(peer: PeerHandle, task: () => Promise<Result>): Promise<Result> {
  return channels.connect.hasSubscribers ? follow(channels.connect, { peer }, task) : task();
}

interface Outcome {
  result?: unknown;
  error?: unknown;
}

/** Runs `task`, and tells what becomes of it: as `tracePromise`, but returns what `task` returns. */
function follow<Context extends object, Result>(
  channel: TracingChannel<unknown, Context>,
  context: Context & Outcome,
  task: () => Result,
): Result {
  const fail = (error: unknown): void => {
    context.error = error;
    channel.error.publish(context);
  };
  const over = (): void => {
    channel.asyncStart.publish(context);
    channel.asyncEnd.publish(context);
  };
  return channel.start.runStores(context, () => {
    try {
      const returned = task();
      if (isThenable(returned)) {
        returned.then(
          (result) => {
            context.result = result;
            over();
          },
          (error: unknown) => {
            fail(error);
            over();
          },
        );
      } else {
        context.result = returned;
      }
      return returned;
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      channel.end.publish(context);
    }
  });
}

function followHandled(
  kind: 'message' | 'request',
  { peer, lane, data }: Omit<Arrival<PeerHandle>, 'lore'>,
  task: (settled?: Settled) => void,
): (settled?: Settled) => void {
  return (settled) => {
    const context: OperationContext = { peer, lane, data, kind };
    const { start, end, error, asyncStart, asyncEnd } = channels.handle;
    const over: Settled = (failure, result) => {
      settled?.(failure, result);
      if (failure === undefined) {
        context.result = result;
      } else {
        context.error = failure.error;
        error.publish(context);
      }
      asyncStart.publish(context);
      asyncEnd.publish(context);
    };
    start.runStores(context, () => {
      task(over);
      end.publish(context);
    });
  };
}

function contextOf({ peer, lane, data }: Omit<Operation<PeerHandle>, 'lore'>): OperationContext {
  return { peer, lane, data: plain(data) };
}

/** Data that travels by a contract, as its value. */
function plain(data: unknown): unknown {
  return isContractValue(data) ? data.value : data;
}
