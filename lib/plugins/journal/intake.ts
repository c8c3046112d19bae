import { BusError } from '../../base/errors.ts';
import { Queue } from '../../base/queue.ts';
import type { Lane, PeerHandle } from '../../bus/plugin.ts';
import type { Deliveries } from './deliveries.ts';
import type { InboxLog } from './inbox-log.ts';
import { journalOfStretch, type Opened, type Opening, stretchHeadBytes } from './lane-messages.ts';
import { contentsOf } from './message-record.ts';
import { receivedHead, receivedHeadBytes } from './received-record.ts';
import type { Sender } from './senders.ts';

/** What a sender may have on its way, and a little more: one that sends on is none of ours. */
const mostHeldBytes = 16_777_216;

/** What came of a sender and waits for room. */
interface Held {
  readonly peer: PeerHandle;
  readonly journal: string;
  readonly data: Uint8Array;
}

/** Writes down what senders send, and acknowledges it; what has no room waits, for each sender by itself. */
export class Intake {
  readonly #inbox: InboxLog;
  readonly #deliveries: Deliveries;
  readonly #lane: Lane;
  readonly #report: (error: unknown, peer?: PeerHandle) => void;
  readonly #paused: ReadonlySet<PeerHandle>;
  readonly #held = new Map<Sender, Queue<Held>>();
  #isWaiting = false;
  /** The one whose turn it is waits for room that anyone might take. */
  #isFull = false;
  #isOver = false;
  #hasFailed = false;

  constructor(
    inbox: InboxLog,
    deliveries: Deliveries,
    lane: Lane,
    report: (error: unknown, peer?: PeerHandle) => void,
    paused: ReadonlySet<PeerHandle>,
  ) {
    this.#inbox = inbox;
    this.#deliveries = deliveries;
    this.#lane = lane;
    this.#report = report;
    this.#paused = paused;
  }

  /** A sender says who it is, and is told what of it is here. */
  open(peer: PeerHandle, opening: Opening): Opened {
    const { log, senders } = this.#inbox;
    if (log.failure !== undefined) throw new BusError('ERR_JOURNAL', 'The journal of the other end failed');
    const sender = senders.open(peer, opening, this.#inbox.now());
    for (const [journal] of opening[1]) {
      sender.accepted.set(journal, Math.max(sender.accepted.get(journal) ?? 0, sender.written.get(journal) ?? 0));
    }
    return opening[1].map(([journal]) => [journal, sender.accepted.get(journal) ?? 0]);
  }

  /** Resolves once all that came of the sender so far was handed out. */
  async heardOf(peer: PeerHandle): Promise<void> {
    const sender = this.#inbox.senders.of(peer);
    if (sender === undefined) throw new BusError('ERR_STATE', 'The journal is not open');
    await this.#deliveries.whenGiven(sender.lastNumber);
  }

  /** @throws BusError `ERR_PROTOCOL` for what is none of the sender, or damaged. */
  take(data: unknown, peer: PeerHandle): void {
    const { senders } = this.#inbox;
    const sender = senders.of(peer);
    if (sender === undefined || this.#isOver) return;
    const journal = journalOfStretch(data);
    if (journal === undefined || !sender.accepted.has(journal)) {
      senders.leave(peer);
      throw new BusError('ERR_PROTOCOL', 'What came for the journal is none of the sender');
    }
    const held: Held = { peer, journal, data: data as Uint8Array };
    const waiting = this.#held.get(sender);
    if (waiting === undefined && !this.#isFull && this.#write(sender, held)) return;
    sender.heldBytes += held.data.length;
    if (sender.heldBytes > mostHeldBytes) {
      senders.leave(peer);
      throw new BusError('ERR_PROTOCOL', 'More came for the journal than may be on its way');
    }
    if (waiting === undefined) this.#held.set(sender, new Queue());
    this.#held.get(sender)?.push(held);
    if (!this.#isWaiting) void this.#writeHeld();
  }

  /** Tells a sender the answers of requests that are here. */
  async ask(peer: PeerHandle, ids: readonly string[]): Promise<void> {
    const folder = this.#inbox.senders.of(peer)?.folder;
    if (folder !== undefined) await this.#deliveries.requests.tell(peer, folder, ids);
  }

  /** A sender has an answer. */
  got(peer: PeerHandle, id: string): void {
    const folder = this.#inbox.senders.of(peer)?.folder;
    if (folder !== undefined) this.#deliveries.requests.told(folder, id);
  }

  /** One that was paused is so no more. */
  resume(): void {
    this.#inbox.shares.freed.wake();
  }

  end(): void {
    this.#isOver = true;
    this.#held.clear();
    this.#inbox.shares.freed.wake();
  }

  async #writeHeld(): Promise<void> {
    const { log, shares } = this.#inbox;
    this.#isWaiting = true;
    while (this.#held.size > 0) {
      if (this.#writeRound()) continue;
      // What was noted since may let go of something, once it was read.
      this.#deliveries.wake();
      await Promise.race([log.whenRoom(), shares.freed.next()]);
    }
    this.#isWaiting = this.#isFull = false;
  }

  /** One of each sender, up to who waits for room; false where there was none. */
  #writeRound(): boolean {
    let hasWritten = false;
    for (const [sender, queue] of [...this.#held]) {
      this.#isFull = false;
      if (this.#writeOne(sender, queue)) hasWritten = true;
      else if (this.#isFull) break;
    }
    return hasWritten;
  }

  /** False where it goes on waiting. */
  #writeOne(sender: Sender, queue: Queue<Held>): boolean {
    const { first } = queue;
    if (first === undefined) return false;
    try {
      // What was not acknowledged comes again from whoever it is that has the folder now.
      if (sender.peer === first.peer && !this.#write(sender, first)) return false;
    } catch (error) {
      this.#report(error, first.peer);
      this.#inbox.senders.leave(first.peer);
    }
    sender.heldBytes -= first.data.length;
    queue.shift();
    this.#held.delete(sender);
    // Behind all others that wait.
    if (queue.length > 0) this.#held.set(sender, queue);
    return true;
  }

  /** False where there is no room, or the peer is paused. Throws for what is damaged, or what the log failed with. */
  #write(sender: Sender, { peer, journal, data }: Held): boolean {
    if (this.#paused.has(peer)) return false;
    const { log, senders, shares } = this.#inbox;
    const after = sender.accepted.get(journal) ?? 0;
    const contents = contentsOf(data, stretchHeadBytes, after);
    if (contents === undefined) {
      senders.leave(peer);
      throw new BusError('ERR_PROTOCOL', 'What came for the journal is damaged');
    }
    const { messages: count, last } = contents;
    if (last <= after) {
      const written = sender.written.get(journal) ?? 0;
      if (last <= written) this.#acknowledge(peer, journal, written);
      return true;
    }
    const { folder } = sender;
    const bytes = receivedHeadBytes + data.length - stretchHeadBytes;
    if (!shares.allow(folder, bytes)) return false;
    const { isHearing } = this.#deliveries;
    const first = this.#inbox.next;
    const head = receivedHead({ isHeard: isHearing, isAgain: false, folder, journal, after, last, first, count });
    if (log.append(data.subarray(stretchHeadBytes), head) === undefined) {
      this.#isFull = true;
      return false;
    }
    shares.take(folder, bytes);
    this.#inbox.next += count;
    sender.lastNumber = first + count - 1;
    sender.accepted.set(journal, last);
    log.pending.then(
      () => {
        senders.wrote(folder, journal, last, this.#inbox.now());
        this.#deliveries.wake();
        if (sender.peer === peer) this.#acknowledge(peer, journal, last);
      },
      // Who sent it keeps it; that the journal failed is told once.
      () => this.#failed(log.failure),
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

  #failed(failure: BusError | undefined): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#report(failure);
  }
}
