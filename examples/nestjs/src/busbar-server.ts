import { BaseRpcContext, type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { type Connection, Server as BusServer, type ServerEvents, type ServerOptions, type Untyped } from 'busbar';
import { type CallContext, remote } from 'busbar/rpc';
import type { EventPacket, Part } from './protocol.ts';
import { valuesOf } from './values.ts';

/** What `@Ctx()` gives to a handler. */
export class BusbarContext extends BaseRpcContext<[connection: Connection | undefined]> {
  /** Who asks; undefined for a durable event whose sender is away. */
  get connection(): Connection | undefined {
    return this.getArgByIndex(0);
  }
}

/** Serves `@MessagePattern` and `@EventPattern` handlers over busbar: `createMicroservice(Module, { strategy: new BusbarServer({ path }) })`. */
export class BusbarServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('busbar');
  readonly #bus: BusServer;

  constructor(options: ServerOptions) {
    super();
    this.#bus = new BusServer(options);
    remote(
      this.#bus,
      {
        call: (pattern: string, data: unknown, { peer }: CallContext<Connection>) => this.#answer(pattern, data, peer),
      },
      { context: true },
    );
    // Settles when the handlers of the event have, which is what a confirmed message waits for.
    this.#bus.on('message', ({ pattern, data }: EventPacket, connection) =>
      this.handleEvent(pattern, { pattern, data }, new BusbarContext([connection])),
    );
    this.#bus.on('error', (error) => this.handleError(`${error.code}: ${error.message}`));
  }

  listen(callback: (error?: unknown) => void): void {
    this.#bus.start().then(() => callback(), callback);
  }

  async close(): Promise<void> {
    await this.#bus.close();
  }

  /** `event`: one of those of `Server`. */
  on(event: string, listener: CallableFunction): void {
    this.#bus.on(event as keyof ServerEvents<Untyped>, listener as never);
  }

  unwrap<T>(): T {
    return this.#bus as T;
  }

  async *#answer(pattern: string, data: unknown, connection: Connection): AsyncGenerator<Part> {
    const handler = this.getHandlerByPattern(pattern);
    if (handler === null) {
      yield { error: { status: 'error', message: `There is no handler for ${pattern}` } };
      return;
    }
    try {
      const answer = this.transformToObservable(await handler(data, new BusbarContext([connection])));
      for await (const value of valuesOf(answer)) yield { value };
    } catch (error) {
      yield { error: error instanceof Error ? { status: 'error', message: error.message } : error };
    }
  }
}
