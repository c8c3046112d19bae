import { BusError } from '../base/errors.ts';
import { failing } from '../base/wait.ts';
import { ClientStatus } from '../session/state.ts';
import { isContractValue } from '../wire/contracts.ts';
import type { AskSettings, RequestSettings, SendSettings } from './call-settings.ts';
import { Client as PortableClient } from './client/client.ts';
import type { Contract, Payload, Sendable, ToClient, ToServer, Untyped } from './contract.ts';
import { answersServer } from './credentials-lane.ts';
import {
  type ClientJournal,
  type Consume,
  type ConsumeContext,
  type ConsumeSettings,
  type DurableBacklog,
  type DurableConsumer,
  type DurableDeadLetters,
  type DurableReceipts,
  sendBy,
  withoutJournal as withoutAJournal,
} from './durable.ts';
import { type JournalOptions, withoutJournal } from './journal-options.ts';
import { nodeClientPlatform, orphanPlatform, proveOver } from './node-platform.ts';
import { type ObservingOptions, withoutObserving } from './observing-options.ts';
import type { ClientOptions } from './options.ts';
import { type ParentOptions, withoutParent } from './process/parent-options.ts';
import { durableAskOptions } from './requests/durable-requests.ts';
import type { Stats } from './stats.ts';
import { followConnect } from './tracing/followed-operations.ts';
import { type Inspect, inspected, printed } from './visible.ts';

const nameOfStatus = (status: ClientStatus): string | undefined =>
  Object.entries(ClientStatus).find(([, value]) => value === status)?.[0];

/** Options of `new Client` in Node. */
export type NodeClientOptions = ClientOptions & JournalOptions & ObservingOptions & ParentOptions;

/** A `Client` over unix sockets, pipes, TCP, TLS and memory, and of the parent of this process or thread. */
export class Client<C extends Contract = Untyped> extends PortableClient<C> {
  readonly #journal: ClientJournal | undefined;

  constructor(options?: NodeClientOptions) {
    const {
      others: seen,
      watchers,
      log,
    } = withoutObserving<ClientOptions & JournalOptions & ParentOptions>(options, new.target !== Client);
    const { others: given, journal } = withoutJournal<ClientOptions & ParentOptions>(seen);
    const { others, orphan } = withoutParent<ClientOptions>(given);
    const platform = orphan ? orphanPlatform : nodeClientPlatform;
    super(others, { ...platform, watchers }, new.target !== Client);
    this.use(answersServer((question) => proveOver(this.ownConversation.link, question)));
    if (log !== undefined) this.use(log.plugin);
    this.#journal =
      journal &&
      this.use(
        journal.client(
          {
            send: (data, settings) => super.send(data as never, settings),
            valueOf: (data) => (isContractValue(data) ? data.value : data),
            arrived: () => this.ownConversation.queues.flush(),
            request: (data) => super.request(data as never, { timeout: 0 }),
          },
          {
            isHeard: () => this.listenerCount('message') > 0 || this.ownConversation.loops?.hasLoop === true,
            hear: (handling, data, bytes, _server, context) => {
              this.fireHandled(handling, 'message', data, context);
              this.ownConversation.loops?.push(data, bytes, handling);
            },
            died: (letter) => void this.fire('deadLetter', letter),
            mayAsk: () => false,
            ask: () => Promise.reject(new BusError('ERR_NO_HANDLER')),
            closeTimeoutMs: this.options.closeTimeoutMs,
            maxMessageBytes: this.options.maxMessageBytes,
          },
        ),
      );
  }

  /** The durable messages of the server, and to it, that failed finally. Throws `ERR_STATE` without a journal. */
  get deadLetters(): DurableDeadLetters {
    return this.#receipts.deadLetters;
  }

  /** As `Server.consume`, for the server's messages. */
  consume(
    handler: (message: ToClient<C, 'message'>, context: ConsumeContext) => unknown,
    settings?: ConsumeSettings<ToClient<C, 'message'>>,
  ): DurableConsumer {
    const handle: Consume = (message, _server, context) => handler(message as ToClient<C, 'message'>, context);
    return this.#receipts.consume(typeof handler === 'function' ? handle : handler, settings);
  }

  override connect(payload?: Payload<C>, settings?: AskSettings): Promise<this> {
    return followConnect(this, () => super.connect(payload, settings));
  }

  override get delivery(): 'legacy' | 'session' | 'journal' {
    return this.#journal?.reachesJournal === true ? 'journal' : super.delivery;
  }

  override send(data: Sendable<ToServer<C, 'message'>>, settings?: SendSettings): Promise<void> {
    const isPlain = this.#journal === undefined && settings?.durable === undefined;
    return isPlain ? super.send(data, settings) : sendBy(this.#journal, data, settings);
  }

  override request(
    data: Sendable<ToServer<C, 'request'>>,
    settings?: number | RequestSettings,
  ): Promise<ToServer<C, 'response'>>;
  override request(data: Sendable<ToServer<C, 'request'>>, timeoutMs?: number): Promise<ToServer<C, 'response'>>;
  override request(
    data: Sendable<ToServer<C, 'request'>>,
    settings?: number | RequestSettings,
  ): Promise<ToServer<C, 'response'>> {
    if (typeof settings !== 'object' || (settings?.durable ?? settings?.key) === undefined) {
      return super.request(data, settings);
    }
    if (settings.durable === undefined) return withoutDurable();
    if (this.#journal === undefined) return withoutAJournal();
    try {
      const options = durableAskOptions(settings);
      if (options !== undefined) return this.#journal.request(data, options) as Promise<ToServer<C, 'response'>>;
      const { durable: _, key: __, ...others } = settings;
      return super.request(data, others);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The durable messages that the server does not have yet. Rejects with `ERR_STATE` without a journal and between
   * `close` and `connect`, or with the error of opening it.
   */
  async backlog(): Promise<DurableBacklog> {
    if (this.#journal === undefined) throw new BusError('ERR_STATE', 'The client has no journal');
    return this.#journal.backlog();
  }

  override async flush(): Promise<void> {
    await this.#journal?.gone();
    await super.flush();
  }

  override async close(reason?: unknown): Promise<boolean> {
    const wasOpen = await super.close(reason);
    await this.#journal?.close();
    return wasOpen;
  }

  override pause(): void {
    super.pause();
    this.#journal?.receipts.pause();
  }

  override resume(): void {
    super.resume();
    this.#journal?.receipts.resume();
  }

  override destroy(reason?: unknown): boolean {
    const wasOpen = super.destroy(reason);
    void this.#journal?.close();
    return wasOpen;
  }

  /** What was counted of this client, in all its sessions, and what waits now: plain numbers, made when asked. */
  stats(): Stats {
    return this.ownStats();
  }

  /** Where it stands, what it has for a link and a session, and its `stats()`: what is printed of it too. */
  toJSON(): object {
    const { id, remoteAddress, linkKind, delivery, status } = this;
    return { id, status: nameOfStatus(status), remoteAddress, linkKind, delivery, stats: this.stats() };
  }

  /** @internal */
  [inspected](depth: number, options: object, inspect: Inspect): string {
    return printed(this.constructor.name, this.toJSON(), depth, options, inspect);
  }

  override messages(): AsyncIterableIterator<ToClient<C, 'message'>> {
    const messages = super.messages();
    this.#journal?.receipts.listen();
    return messages;
  }

  protected override listenerComes(event: string | symbol): void {
    // It is there when this turn is over.
    if (event === 'message') queueMicrotask(() => this.#journal?.receipts.listen());
  }

  get #receipts(): DurableReceipts {
    if (this.#journal === undefined) throw new BusError('ERR_STATE', 'The client has no journal');
    return this.#journal.receipts;
  }
}

function withoutDurable(): Promise<never> {
  return failing(() => new BusError('ERR_INVALID_ARGUMENT', 'Only a durable request has a key: add durable: true'));
}
