import type {
  ClientSender,
  ClientSends,
  Consume,
  DurableConsumer,
  DurableDeadLetters,
  DurableReceiver,
  PeerBacklog,
  PeerHandle,
  PluginHost,
  ServerJournal,
} from '../../bus/plugin.ts';
import { Inbox, type InboxEvents } from './inbox.ts';
import type { ResolvedJournalSettings } from './journal-table.ts';
import { readGot } from './lane-messages.ts';
import { pathIn } from './log/files.ts';
import { Recipients } from './recipients.ts';

/** What comes to a server durably, in its folder, and what it sends so, in the folder `peers` in there. */
export class ServerEnd implements ServerJournal {
  readonly #inbox: Inbox;
  readonly #recipients: Recipients;

  constructor(host: PluginHost, receiver: DurableReceiver, folder: string, settings: ResolvedJournalSettings) {
    const { peerTtlMs, answerTtlMs, owner, ...log } = settings;
    const lane = host.lane({
      message: (data, peer) => {
        const got = readGot(data);
        if (data instanceof Uint8Array) this.#inbox.take(data, peer);
        else if (got !== undefined) this.#inbox.got(got, peer);
        else this.#recipients.acknowledged(peer, data);
      },
      request: (data, context) => this.#inbox.asked(data, context),
    });
    const events: InboxEvents = {
      begun: () => this.#recipients.open(),
      opened: (peer, id) => this.#recipients.opened(peer, id),
      resend: (id, body) => this.#recipients.resend(id, body),
    };
    this.#inbox = new Inbox({ host, lane, receiver, folder, log, answerTtlMs, owner, events });
    this.#recipients = new Recipients({
      host,
      lane,
      folder: pathIn(folder, 'peers'),
      log,
      peerTtlMs,
      bury: (id, message, error) => this.#inbox.bury(id, message, error),
      speaksFor: (peer, id) => this.#inbox.journalOf(peer) === id,
    });
    host.onClose(() => this.#recipients.finish(receiver.closeTimeoutMs / 2));
  }

  sendsTo(peer: PeerHandle, sender: ClientSender): ClientSends {
    return this.#recipients.sendsTo(peer, sender, (given) => this.#inbox.journalOf(given));
  }

  async backlog(): Promise<PeerBacklog[]> {
    await this.#inbox.start();
    return this.#recipients.backlog();
  }

  async forget(id: string): Promise<number> {
    await this.#inbox.start();
    return this.#recipients.forget(id);
  }

  pauseOf(peer: PeerHandle): void {
    this.#inbox.pauseOf(peer);
  }

  resumeOf(peer: PeerHandle): void {
    this.#inbox.resumeOf(peer);
  }

  leave(): void {
    this.#inbox.leave();
  }

  takeOver(): void {
    this.#inbox.takeOver();
  }

  get deadLetters(): DurableDeadLetters {
    return this.#inbox.deadLetters;
  }

  consume(handler: Consume, settings: object | undefined): DurableConsumer {
    return this.#inbox.consume(handler, settings);
  }

  consumeOf(peer: PeerHandle, handler: Consume, settings: object | undefined): DurableConsumer {
    return this.#inbox.consume(handler, settings, peer);
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
    await this.#recipients.close();
    await this.#inbox.close();
  }
}
