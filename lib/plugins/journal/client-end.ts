import type {
  ClientJournal,
  Consume,
  DurableBacklog,
  DurableConsumer,
  DurableDeadLetters,
  DurableReceiver,
  DurableSender,
  DurableSendOptions,
  PluginHost,
  SendSettings,
} from '../../bus/plugin.ts';
import { Inbox } from './inbox.ts';
import { whoQuestion } from './lane-messages.ts';
import { pathIn } from './log/files.ts';
import type { ResolvedLogOptions } from './log/log-options.ts';
import { Outbox } from './outbox.ts';

/** What a client sends durably, in its folder, and what comes to it, in the folder `inbox` in there. */
export class ClientEnd implements ClientJournal {
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;

  constructor(
    host: PluginHost,
    sender: DurableSender,
    receiver: DurableReceiver,
    folder: string,
    options: ResolvedLogOptions,
  ) {
    const lane = host.lane({
      message: (data, peer) => {
        if (data instanceof Uint8Array) this.#inbox.take(data, peer);
        else this.#outbox.acknowledged(data);
      },
      request: async (data, context) => {
        if (data === whoQuestion) return (await this.#outbox.open()).folderId;
        return this.#inbox.asked(data, context);
      },
    });
    host.onStart(async () => void (await this.#outbox.open()));
    this.#outbox = new Outbox({
      host,
      lane,
      sender,
      folder,
      log: options,
      bury: async (message, error) => this.#inbox.bury((await this.#outbox.open()).folderId, message, error),
    });
    this.#inbox = new Inbox(host, lane, receiver, pathIn(folder, 'inbox'), options, {
      resend: (_folder, body) => this.#outbox.resend(body),
    });
    host.onReady(async () => {
      const [peer] = host.peers;
      if (peer !== undefined) await this.#outbox.begin(peer);
    });
    host.onDisconnect(() => this.#outbox.end());
  }

  get reachesJournal(): boolean {
    return this.#outbox.reachesJournal;
  }

  send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    return this.#outbox.send(data, settings);
  }

  sendDurably(data: unknown, options: DurableSendOptions): Promise<void> {
    return this.#outbox.sendDurably(data, options);
  }

  backlog(): Promise<DurableBacklog> {
    return this.#outbox.backlog();
  }

  get deadLetters(): DurableDeadLetters {
    return this.#inbox.deadLetters;
  }

  consume(handler: Consume, settings: object | undefined): DurableConsumer {
    return this.#inbox.consume(handler, settings);
  }

  listen(): void {
    this.#inbox.listen();
  }

  pause(): void {
    this.#inbox.pause();
  }

  resume(): void {
    this.#inbox.resume();
  }

  async close(): Promise<void> {
    await Promise.all([this.#outbox.close(), this.#inbox.close()]);
  }
}
