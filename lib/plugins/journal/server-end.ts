import type {
  ClientSender,
  ClientSends,
  DurableReceiver,
  PeerBacklog,
  PeerHandle,
  PluginHost,
  ServerJournal,
} from '../../bus/plugin.ts';
import { readGot } from './format/lane-messages.ts';
import { checkServerFolder } from './format/whose-folder.ts';
import type { ResolvedJournalSettings } from './journal-table.ts';
import { pathIn } from './log/files.ts';
import { Receipts, type ReceiptsEvents } from './receiver/receipts.ts';
import { Recipients } from './sender/recipients.ts';

/** What comes to a server durably, in its folder, and what it sends so, in the folder `peers` in there. */
export class ServerEnd implements ServerJournal {
  readonly receipts: Receipts;
  readonly #recipients: Recipients;

  constructor(host: PluginHost, receiver: DurableReceiver, folder: string, settings: ResolvedJournalSettings) {
    const { peerTtlMs, answerTtlMs, owner, ...log } = settings;
    const lane = host.lane({
      message: (data, peer) => {
        const got = readGot(data);
        if (data instanceof Uint8Array) this.receipts.take(data, peer);
        else if (got !== undefined) this.receipts.got(got, peer);
        else this.#recipients.acknowledged(peer, data);
      },
      request: (data, context) => this.receipts.asked(data, context),
    });
    const events: ReceiptsEvents = {
      opens: () => checkServerFolder(log.files, folder),
      begun: () => this.#recipients.open(),
      opened: (peer, id) => this.#recipients.opened(peer, id),
      resend: (id, body) => this.#recipients.resend(id, body),
    };
    this.receipts = new Receipts({ host, lane, receiver, folder, log, answerTtlMs, owner, events });
    this.#recipients = new Recipients({
      host,
      lane,
      folder: pathIn(folder, 'peers'),
      log,
      peerTtlMs,
      bury: (id, message, error) => this.receipts.bury(id, message, error),
      speaksFor: (peer, id) => this.receipts.journalOf(peer) === id,
    });
    host.onClose(() => this.#recipients.finish(receiver.closeTimeoutMs / 2));
  }

  sendsTo(peer: PeerHandle, sender: ClientSender): ClientSends {
    return this.#recipients.sendsTo(peer, sender, (given) => this.receipts.journalOf(given));
  }

  /** In `stats().plugins.journal`. */
  counts(): object {
    return { ...this.receipts.counts(), backlogBytes: this.#recipients.budget.waiting };
  }

  async backlog(): Promise<PeerBacklog[]> {
    await this.receipts.begun();
    return this.#recipients.backlog();
  }

  async forget(id: string): Promise<number> {
    await this.receipts.begun();
    return this.#recipients.forget(id);
  }

  async close(): Promise<void> {
    await this.#recipients.close();
    await this.receipts.close();
  }
}
