import type { Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { codeOf } from '../../../base/thrown.ts';
import type { ClientSender, Lane, PeerBacklog, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import { isId, type Refused, whoQuestion } from '../format/lane-messages.ts';
import { pathIn } from '../log/files.ts';
import type { ResolvedLogOptions } from '../log/log-options.ts';
import { Budget } from './budget.ts';
import { ClientSends, type ClientSendsOwner } from './client-sends.ts';
import { Outbox } from './outbox.ts';
import { Recipient } from './recipient.ts';

const mostRecipients = 10_000;
const longestSweepMs = 3_600_000;

export interface RecipientsOptions {
  readonly host: PluginHost;
  readonly lane: Lane;
  /** Has a folder for each of them. */
  readonly folder: string;
  readonly log: ResolvedLogOptions;
  readonly peerTtlMs: number;
  /** Keeps what a client refused permanently. */
  bury(id: string, message: Refused, error: BusError): Promise<void>;
  /** Whether the client speaks for that journal. */
  speaksFor(peer: PeerHandle, id: string): boolean;
}

/** What a server sends durably: to each client by a journal of its own, which is open while that is connected. */
export class Recipients {
  readonly #options: RecipientsOptions;
  readonly #sends = new WeakMap<PeerHandle, ClientSends>();
  readonly #all = new Map<string, Recipient>();
  readonly #here = new Map<ClientSends, Recipient>();
  /** Folders that are being removed. */
  readonly #dropping = new Map<string, Promise<void>>();
  readonly budget: Budget;
  #sweep: Timer | undefined;
  /** Nothing is accepted any more after one of the journals failed. */
  #failure: BusError | undefined;

  constructor(options: RecipientsOptions) {
    this.#options = options;
    this.budget = new Budget(options.log.maxBytes);
    options.host.onLink((peer, up) => this.#sends.get(peer)?.linked(up));
    options.host.onDisconnect((peer) => {
      const sends = this.#sends.get(peer);
      if (sends === undefined) return;
      sends.isOver = true;
      const recipient = this.#here.get(sends);
      if (recipient !== undefined) this.#leave(recipient);
    });
  }

  sendsTo(peer: PeerHandle, sender: ClientSender, journalOf: ClientSendsOwner['journalOf']): ClientSends {
    const { host } = this.#options;
    const sends = new ClientSends(peer, sender, { host, journalOf, find: (given) => this.#find(given) });
    this.#sends.set(peer, sends);
    return sends;
  }

  /** Finds what an earlier process left; how much that is, is counted in the background. Never rejects. */
  async open(): Promise<void> {
    const { host, log, folder, peerTtlMs } = this.#options;
    this.#failure = undefined;
    const names = await log.files.list(folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return [];
      this.#failure = new BusError('ERR_JOURNAL', `The journals in ${folder} cannot be listed`, { cause: error });
      host.report(this.#failure);
      return [];
    });
    let before = Promise.resolve();
    for (const id of names.filter(isId)) {
      const recipient = this.#known(id, false);
      const counted = before.then(() => recipient.count((damage) => host.report(damage)));
      before = recipient.busy = counted.catch((error: unknown) => host.report(error));
    }
    const sweep = (): void => {
      this.#sweep = host.clock.setTimer(sweep, Math.min(peerTtlMs, longestSweepMs), true);
      for (const recipient of [...this.#all.values()]) this.#expire(recipient);
    };
    this.#sweep = host.clock.setTimer(sweep, Math.min(peerTtlMs, longestSweepMs), true);
  }

  /** The client says that it has this journal: what waits for it goes out. */
  opened(peer: PeerHandle, id: string): void {
    const recipient = this.#all.get(id);
    const sends = this.#sends.get(peer);
    if (recipient === undefined || sends === undefined || this.#failure !== undefined) return;
    if (recipient.here?.sends !== sends) this.#attach(recipient, sends);
  }

  /** What the client says that it has. @throws BusError `ERR_PROTOCOL`. */
  acknowledged(peer: PeerHandle, data: unknown): void {
    this.#sends.get(peer)?.outbox?.acknowledged(data);
  }

  /** Of those for whom something waits. */
  async backlog(): Promise<PeerBacklog[]> {
    const backlogs: PeerBacklog[] = [];
    for (const recipient of this.#all.values()) {
      if (recipient.here === undefined) await recipient.busy;
      const { id, here } = recipient;
      // That a folder cannot be opened was reported.
      const open = here?.outbox.open().then((box) => box.waiting());
      const found = open === undefined ? recipient.waiting : await open.catch(() => undefined);
      if (found === undefined || found.messages === 0) continue;
      const { messages, bytes, oldestAt } = found;
      backlogs.push({ id, messages, bytes, oldestMs: Math.max(0, Date.now() - oldestAt) });
    }
    return backlogs;
  }

  /**
   * Resolves with how many messages do not wait for that client any more. One that is here keeps its folder: with each new one
   * it would be sent to by a new journal, of which a client takes few in one session.
   */
  async forget(id: string): Promise<number> {
    const recipient = this.#all.get(id);
    if (recipient === undefined) return 0;
    if (recipient.here !== undefined) return this.#empty(recipient, recipient.here.sends);
    await this.#drop(recipient);
    return recipient.waiting?.messages ?? 0;
  }

  /** Sends again what was sent to a client before. Rejects with what its journal fails with. */
  async resend(id: string, body: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const recipient = this.#all.get(id) ?? this.#begin(id);
    if (recipient.here !== undefined) {
      await recipient.here.outbox.resend(body);
      return;
    }
    recipient.waiting = undefined;
    const sent = recipient.busy.then(() => recipient.append(body));
    recipient.busy = sent.catch(() => {});
    await sent;
  }

  /** Resolves when what was sent to clients without their journals has gone out, or cannot, or after `ms`. */
  async finish(ms: number): Promise<void> {
    await Promise.all([...this.#options.host.peers].map(async (peer) => this.#sends.get(peer)?.finish(ms)));
  }

  async close(): Promise<void> {
    this.#sweep?.cancel();
    const all = [...this.#all.values()];
    this.#all.clear();
    for (const recipient of all) {
      this.#leave(recipient);
      recipient.confirms.fail(new BusError('ERR_CLOSED'));
    }
    await Promise.all([...all.map(({ busy }) => busy), ...this.#dropping.values()]);
  }

  async #find(sends: ClientSends): Promise<void> {
    const { lane, speaksFor } = this.#options;
    const { peer } = sends;
    const id = await lane.request(peer, whoQuestion, { timeout: 0 });
    if (this.#failure !== undefined) throw this.#failure;
    if (!isId(id) || sends.isOver || !speaksFor(peer, id)) {
      throw new BusError('ERR_UNAVAILABLE', 'The journal of the client is not open here');
    }
    if (sends.outbox === undefined) this.#attach(this.#all.get(id) ?? this.#begin(id), sends);
  }

  #begin(id: string): Recipient {
    if (this.#all.size >= mostRecipients) this.#makeRoom();
    return this.#known(id, true);
  }

  #known(id: string, isNew: boolean): Recipient {
    const { host, log, folder } = this.#options;
    const place = { folder: pathIn(folder, id), log, clock: host.clock };
    const busy = this.#dropping.get(id) ?? Promise.resolve();
    const recipient = new Recipient(id, place, this.budget.share(), busy, isNew);
    this.#all.set(id, recipient);
    return recipient;
  }

  #makeRoom(): void {
    for (const recipient of this.#all.values()) {
      if (!recipient.isIdle) continue;
      void this.#drop(recipient);
      return;
    }
    throw new BusError('ERR_QUEUE_FULL', `Messages wait for ${mostRecipients} clients already`);
  }

  #attach(recipient: Recipient, sends: ClientSends): void {
    this.#leave(recipient);
    const { host, lane, log } = this.#options;
    const { confirms, share, busy } = recipient;
    const outbox = new Outbox({
      host,
      lane,
      sender: sends.sender,
      folder: recipient.folder,
      log,
      confirms,
      share,
      before: () => busy,
      bury: (message, error) => this.#options.bury(recipient.id, message, error),
    });
    recipient.here = { sends, outbox };
    this.#here.set(sends, recipient);
    sends.outbox = outbox;
    void outbox.begin(sends.peer).then(() => {
      // It could not be opened; the next durable send tries that again.
      if (outbox.isClosed && recipient.here?.outbox === outbox) this.#leave(recipient);
    });
  }

  #leave(recipient: Recipient): void {
    const { here } = recipient;
    if (here === undefined) return;
    here.sends.outbox = undefined;
    here.outbox.end();
    recipient.here = undefined;
    this.#here.delete(here.sends);
    recipient.awaySince = Date.now();
    const wasOpen = !here.outbox.isClosed;
    if (wasOpen) recipient.waiting = undefined;
    const leaving = async (): Promise<void> => {
      const failure = here.outbox.box?.log.failure;
      const waiting = await here.outbox.leave();
      if (wasOpen) recipient.waiting = waiting;
      this.#failure ??= failure;
    };
    recipient.busy = leaving().catch((error: unknown) => this.#options.host.report(error));
  }

  async #empty(recipient: Recipient, sends: ClientSends): Promise<number> {
    this.#leave(recipient);
    recipient.confirms.fail(new BusError('ERR_CLOSED'));
    const emptied = recipient.busy.then(() => recipient.empty());
    recipient.busy = emptied.then(
      () => {},
      () => {},
    );
    if (!sends.isOver) this.#attach(recipient, sends);
    return emptied;
  }

  #expire(recipient: Recipient): void {
    const { host, peerTtlMs } = this.#options;
    const { here, awaySince, id, waiting } = recipient;
    if (here !== undefined || waiting === undefined || Date.now() - awaySince < peerTtlMs) return;
    void this.#drop(recipient);
    const { messages } = waiting;
    if (messages === 0) return;
    const text = `${messages} messages were dropped: the client of journal ${id} was away for ${peerTtlMs} ms`;
    host.report(new BusError('ERR_JOURNAL', text, { details: { journal: id, messages } }));
  }

  #drop(recipient: Recipient): Promise<void> {
    const { id, share, confirms } = recipient;
    this.#leave(recipient);
    this.#all.delete(id);
    const drop = async (): Promise<void> => {
      await recipient.busy;
      confirms.fail(new BusError('ERR_CLOSED'));
      share.set(0, 0);
      await this.#options.log.files.removeFolder(recipient.folder);
    };
    const dropped = drop()
      .catch((error: unknown) => this.#options.host.report(error))
      .finally(() => this.#dropping.delete(id));
    this.#dropping.set(id, dropped);
    return dropped;
  }
}
