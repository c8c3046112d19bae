import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { Client, type ClientEvents, type ClientOptions, type Untyped } from 'busbar';
import { proxy } from 'busbar/rpc';
import type { Handlers } from './protocol.ts';

/** Calls handlers of a `BusbarServer`. Broken links are its own affair: what was asked is answered over the next one. */
export class BusbarClient extends ClientProxy {
  readonly #bus: Client;
  readonly #handlers;
  #connecting: Promise<unknown> | undefined;

  constructor(options: ClientOptions) {
    super();
    this.#bus = new Client(options);
    this.#handlers = proxy<Handlers>(this.#bus);
  }

  async connect(): Promise<unknown> {
    this.#connecting ??= this.#bus.connect();
    try {
      return await this.#connecting;
    } catch (error) {
      this.#connecting = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#connecting = undefined;
    await this.#bus.close();
  }

  override on<Name extends keyof ClientEvents<Untyped>>(event: Name, listener: ClientEvents<Untyped>[Name]): void {
    this.#bus.on(event, listener as never);
  }

  unwrap<T>(): T {
    return this.#bus as T;
  }

  /** After the teardown the source is stopped with its next value: the observable of the handler is unsubscribed from. */
  protected publish({ pattern, data }: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      for await (const { value, error } of await this.#handlers.call(this.normalizePattern(pattern), data)) {
        if (stop.signal.aborted) return;
        if (error !== undefined) {
          callback({ err: error });
          return;
        }
        callback({ response: value });
      }
      callback({ isDisposed: true });
    };
    read().catch((error: unknown) => callback({ err: error }));
    return () => stop.abort();
  }

  /** Resolves when the handlers of the event have settled. */
  protected async dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    await this.#bus.send({ pattern: this.normalizePattern(pattern), data }, { confirm: true });
    return undefined as T;
  }
}
