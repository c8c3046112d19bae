import { Signal, withinTime } from '../../base/wait.ts';
import type {
  ClientJournal,
  DurableAskOptions,
  DurableBacklog,
  DurableReceiver,
  DurableSender,
  DurableSendOptions,
  PluginHost,
  SendSettings,
} from '../../bus/plugin.ts';
import { readAnswerMessage, whoQuestion } from './format/lane-messages.ts';
import { checkClientFolder } from './format/whose-folder.ts';
import type { ResolvedJournalSettings } from './journal-table.ts';
import { pathIn } from './log/files.ts';
import { Receipts, type ReceiptsEvents } from './receiver/receipts.ts';
import { AskingOutbox } from './sender/asking-outbox.ts';

/** What a client sends durably, in its folder, and what comes to it, in the folder `inbox` in there. */
export class ClientEnd implements ClientJournal {
  readonly #outbox: AskingOutbox;
  readonly receipts: Receipts;

  constructor(
    host: PluginHost,
    sender: DurableSender,
    receiver: DurableReceiver,
    folder: string,
    settings: ResolvedJournalSettings,
  ) {
    const { peerTtlMs: _, owner: __, answerTtlMs, ...log } = settings;
    const lane = host.lane({
      message: (data, peer) => {
        const answer = readAnswerMessage(data);
        if (data instanceof Uint8Array) this.receipts.take(data, peer);
        else if (answer !== undefined) this.#outbox.answered(answer);
        else this.#outbox.acknowledged(data);
      },
      request: async (data, context) => {
        if (data === whoQuestion) return (await this.#outbox.open()).folderId;
        return this.receipts.asked(data, context);
      },
    });
    host.onStart(async () => void (await this.#outbox.start()));
    this.#outbox = new AskingOutbox({
      host,
      lane,
      sender,
      folder,
      log,
      before: () => checkClientFolder(log.files, folder),
      bury: async (message, error) => this.receipts.bury((await this.#outbox.open()).folderId, message, error),
    });
    const events: ReceiptsEvents = { resend: (_folder, body) => this.#outbox.resend(body) };
    this.receipts = new Receipts({ host, lane, receiver, folder: pathIn(folder, 'inbox'), log, answerTtlMs, events });
    host.onReady(async () => {
      const [peer] = host.peers;
      if (peer !== undefined) await this.#outbox.begin(peer);
    });
    const lost = new Signal();
    host.onLink((_server, up) => up || lost.wake());
    host.onDisconnect(() => {
      this.#outbox.end();
      lost.wake();
    });
    // What is behind durable messages still goes out, while there is a link, and leaves the session time to finish.
    host.onClose(async () => {
      const [peer] = host.peers;
      if (peer === undefined || !this.#outbox.plain.isWaiting) return;
      await withinTime(host.clock, receiver.closeTimeoutMs / 2, Promise.race([this.#outbox.gone(), lost.next()]));
    });
  }

  /** In `stats().plugins.journal`: of what it sends, and of what comes to it. */
  counts(): object {
    const { log } = this.#outbox.box ?? {};
    const outbox = { segments: log?.segments.length ?? 0, bytes: log?.bytes ?? 0 };
    return { outboxSegments: outbox.segments, outboxBytes: outbox.bytes, ...this.receipts.counts() };
  }

  get reachesJournal(): boolean {
    return this.#outbox.relay.reachesJournal;
  }

  send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    return this.#outbox.send(data, settings);
  }

  sendDurably(data: unknown, options: DurableSendOptions): Promise<void> {
    return this.#outbox.sendDurably(data, options);
  }

  gone(): Promise<void> {
    return this.#outbox.gone();
  }

  request(data: unknown, options: DurableAskOptions): Promise<unknown> {
    return this.#outbox.request(data, options);
  }

  backlog(): Promise<DurableBacklog> {
    return this.#outbox.backlog();
  }

  async close(): Promise<void> {
    await Promise.all([this.#outbox.close(), this.receipts.close()]);
  }
}
