import { asBusError, BusError } from '../../base/errors.ts';
import { Queue } from '../../base/queue.ts';
import { codeOf } from '../../base/thrown.ts';
import { sleep } from '../../base/wait.ts';
import type { DurableReceiver, Lane, LaneRequestContext, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { Deliveries } from './deliveries.ts';
import { heardQuestion, journalOfStretch, type Opened, readOpening, stretchHeadBytes } from './lane-messages.ts';
import { Log } from './log/log.ts';
import type { LogOptions } from './log/log-options.ts';
import { inboxHeading, InboxFinds } from './inbox-finds.ts';
import { contentsOf } from './message-record.ts';
import { receivedHead } from './received-record.ts';
import { type Sender, Senders } from './senders.ts';

/** What a sender may have on its way, and a little more: one that sends on is none of ours. */
const mostHeldBytes = 16_777_216;
const takeoverMs = 10_000;
const pollMs = 50;

interface Held {
  readonly sender: Sender;
  readonly peer: PeerHandle;
  readonly journal: string;
  readonly data: Uint8Array;
}

interface Open {
  readonly log: Log;
  readonly deliveries: Deliveries;
}

/** Who hears of it. */
export interface InboxEvents {
  /** The folder is open. */
  begun?(): Promise<void>;
  /** The peer speaks for a journal that it sends by. */
  opened?(peer: PeerHandle, folder: string): void;
}

/** What comes to one end durably: written down, acknowledged, then heard. */
export class Inbox {
  readonly #host: PluginHost;
  readonly #receiver: DurableReceiver;
  readonly #folder: string;
  readonly #options: LogOptions;
  readonly #events: InboxEvents;
  readonly #lane: Lane;
  #opening: Promise<Open> | undefined;
  #closing: Promise<void> | undefined;
  #open: Open | undefined;
  #senders = new Senders();
  /** The number of the next message. */
  #next = 1;
  readonly #held = new Queue<Held>();
  #takesOver = false;
  #isPaused = false;

  constructor(
    host: PluginHost,
    lane: Lane,
    receiver: DurableReceiver,
    folder: string,
    options: LogOptions,
    events: InboxEvents = {},
  ) {
    this.#host = host;
    this.#receiver = receiver;
    this.#folder = folder;
    this.#options = options;
    this.#events = events;
    this.#lane = lane;
    host.onStart(async () => {
      const opening = this.start();
      if (!this.#takesOver) await opening;
      else opening.catch((error: unknown) => host.report(error));
    });
    host.onLink((peer, up) => {
      const sender = this.#senders.of(peer);
      if (sender !== undefined) sender.isLinked = up;
    });
    host.onDisconnect((peer) => this.#senders.leave(peer));
  }

  /** There may be a listener now. */
  listen(): void {
    this.#open?.deliveries.wake();
  }

  /** Nothing is heard until `resume`. */
  pause(): void {
    this.#isPaused = true;
    this.#open?.deliveries.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#open?.deliveries.resume();
  }

  /** The next start replaces an end that has the folder and is about to let go of it. */
  takeOver(): void {
    this.#takesOver = true;
  }

  /** The id of the journal by which this peer sends; undefined where there is none. */
  journalOf(peer: PeerHandle): string | undefined {
    return this.#senders.of(peer)?.folder;
  }

  /** Answers what a sender asks on the lane. */
  asked(data: unknown, context: LaneRequestContext): Promise<unknown> {
    return data === heardQuestion ? this.#heardOf(context) : this.#openFor(data, context);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) return;
    const open = await opening.catch(() => undefined);
    this.#opening = this.#open = undefined;
    this.#takesOver = false;
    this.#held.clear();
    if (open === undefined) return;
    open.deliveries.end();
    open.deliveries.finish();
    await open.log.close();
  }

  /** Opens it, unless it is open. */
  start(): Promise<Open> {
    this.#opening ??= this.#opened().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #opened(): Promise<Open> {
    const { clock, report } = this.#host;
    const found = new InboxFinds();
    const known: { deliveries?: Deliveries } = {};
    const heading = (): Uint8Array[] => {
      const { deliveries } = known;
      if (deliveries === undefined) return [];
      return [inboxHeading({ senders: this.#senders.rows, handled: deliveries.handled, next: this.#next })];
    };
    const until = clock.now() + (this.#takesOver ? takeoverMs : 0);
    let log: Log | undefined;
    while (log === undefined) {
      try {
        log = await Log.open(this.#folder, this.#options, { visit: found.visit, heading });
      } catch (error) {
        if (codeOf(error) !== 'ERR_JOURNAL_IN_USE' || clock.now() >= until) throw error;
        await sleep(clock, pollMs);
      }
    }
    for (const damage of log.damages) report(damage);
    await this.#events.begun?.();
    const from = found.from ?? log.last + 1;
    log.keepFrom(from);
    this.#senders = found.senders;
    this.#next = found.next;
    const deliveries = new Deliveries({
      log,
      receiver: this.#receiver,
      handled: found.handled,
      from,
      peerOf: (folder) => this.#senders.peerOf(folder),
      report,
    });
    known.deliveries = deliveries;
    if (this.#isPaused) deliveries.pause();
    deliveries.run().catch((error: unknown) => report(asBusError(error, 'ERR_JOURNAL')));
    this.#open = { log, deliveries };
    return this.#open;
  }

  /** A sender says who it is, and is told what of it is here. */
  async #openFor(data: unknown, { peer }: LaneRequestContext): Promise<Opened> {
    const opening = readOpening(data);
    if (opening === undefined) throw new BusError('ERR_PROTOCOL', 'A journal is opened with its ids');
    if (this.#opening === undefined) throw new BusError('ERR_UNAVAILABLE', 'The journal is closed');
    const { log } = await this.#opening;
    if (log.failure !== undefined) throw new BusError('ERR_JOURNAL', 'The journal of the server failed');
    const sender = this.#senders.open(peer, opening, Date.now());
    for (const [journal] of opening[1]) {
      if (!sender.written.has(journal)) sender.written.set(journal, 0);
      sender.accepted.set(journal, Math.max(sender.accepted.get(journal) ?? 0, sender.written.get(journal) ?? 0));
    }
    this.#events.opened?.(peer, sender.folder);
    return opening[1].map(([journal]) => [journal, sender.accepted.get(journal) ?? 0]);
  }

  /** Answered once listeners have had all that came of the sender so far. */
  async #heardOf({ peer }: LaneRequestContext): Promise<void> {
    const sender = this.#senders.of(peer);
    if (sender === undefined || this.#open === undefined) throw new BusError('ERR_STATE', 'The journal is not open');
    await this.#open.deliveries.whenGiven(sender.lastNumber);
  }

  /** What a sender has sent on the lane. */
  take(data: unknown, peer: PeerHandle): void {
    const sender = this.#senders.of(peer);
    const open = this.#open;
    if (sender === undefined || open === undefined) return;
    const journal = journalOfStretch(data);
    if (journal === undefined || !sender.accepted.has(journal)) {
      this.#senders.leave(peer);
      throw new BusError('ERR_PROTOCOL', 'What came for the journal is none of the sender');
    }
    const held: Held = { sender, peer, journal, data: data as Uint8Array };
    if (this.#held.length === 0 && this.#write(open, held)) return;
    sender.heldBytes += held.data.length;
    if (sender.heldBytes > mostHeldBytes) {
      this.#senders.leave(peer);
      throw new BusError('ERR_PROTOCOL', 'More came for the journal than may be on its way');
    }
    this.#held.push(held);
    if (this.#held.length === 1) void this.#writeHeld(open);
  }

  async #writeHeld(open: Open): Promise<void> {
    for (let { first } = this.#held; first !== undefined; { first } = this.#held) {
      const { sender, peer, data } = first;
      // What was not acknowledged comes again from whoever it is that has the folder now.
      const isOver = sender.peer !== peer;
      try {
        if (!isOver && !this.#write(open, first)) {
          await open.log.whenRoom();
          if (this.#open !== open) return;
          continue;
        }
      } catch (error) {
        this.#host.report(error, peer);
        this.#senders.leave(peer);
      }
      sender.heldBytes -= data.length;
      this.#held.shift();
    }
  }

  /** False where there is no room. Throws for what is damaged, or what the log failed with. */
  #write({ log, deliveries }: Open, { sender, peer, journal, data }: Held): boolean {
    const after = sender.accepted.get(journal) ?? 0;
    const contents = contentsOf(data, stretchHeadBytes, after);
    if (contents === undefined) {
      this.#senders.leave(peer);
      throw new BusError('ERR_PROTOCOL', 'What came for the journal is damaged');
    }
    const { messages: count, last } = contents;
    if (last <= after) {
      const written = sender.written.get(journal) ?? 0;
      if (last <= written) this.#acknowledge(peer, journal, written);
      return true;
    }
    const { isHearing } = deliveries;
    const { folder } = sender;
    const head = receivedHead({ isHeard: isHearing, folder, journal, after, last, first: this.#next, count });
    if (log.append(data.subarray(stretchHeadBytes), head) === undefined) return false;
    this.#next += count;
    sender.lastNumber = this.#next - 1;
    sender.accepted.set(journal, last);
    log.pending.then(
      () => {
        this.#senders.wrote(folder, journal, last, Date.now());
        deliveries.wake();
        if (sender.peer === peer) this.#acknowledge(peer, journal, last);
      },
      // Who sent it keeps it; that the journal failed is told once.
      () => this.#failed(log),
    );
    return true;
  }

  #acknowledge(peer: PeerHandle, journal: string, sequence: number): void {
    try {
      const message = [journal, sequence];
      if (!this.#lane.trySend(peer, message)) this.#lane.send(peer, message).catch(() => {});
    } catch {
      // Its session is over; it asks again in the next one.
    }
  }

  #reported: Log | undefined;

  #failed(log: Log): void {
    if (this.#reported === log) return;
    this.#reported = log;
    this.#host.report(log.failure);
  }
}
