import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import { codeOf, textOf } from '../../../base/thrown.ts';
import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import {
  type Acknowledged,
  type AskMessage,
  type ClosedMessage,
  closedMessage,
  type Opened,
  type Opening,
  readStretchHead,
  stretchBytesFor,
  type StretchHead,
  stretchHeadBytes,
  windowBytes,
} from '../format/lane-messages.ts';
import { contentsOf } from '../format/message-record.ts';
import { ownedRecord, receivedHead, receivedHeadBytes } from '../format/received-record.ts';
import type { InboxLog } from '../inbox/inbox-log.ts';
import type { SenderOwner } from '../inbox/sender-owner.ts';
import type { Sender } from '../inbox/senders.ts';
import { roomOf } from '../inbox/shares.ts';
import type { Deliveries } from './deliveries.ts';
import { Turn } from './turn.ts';

/** What came of a sender and waits for room. */
interface Held {
  readonly head: StretchHead;
  readonly data: Uint8Array;
}

export interface IntakeOptions {
  readonly inbox: InboxLog;
  readonly deliveries: Deliveries;
  readonly lane: Lane;
  readonly clock: Clock;
  /** The largest message that can come over a link. */
  readonly maxMessageBytes: number;
  readonly paused: ReadonlySet<PeerHandle>;
  report(error: unknown, peer?: PeerHandle): void;
}

/** Writes down what senders send, and acknowledges it; what has no room waits, for each sender by itself. */
export class Intake {
  readonly #inbox: InboxLog;
  readonly #deliveries: Deliveries;
  readonly #lane: Lane;
  readonly #report: IntakeOptions['report'];
  /** Most bytes that a sender may have in flight: one that sends more is not a busbar. */
  readonly #mostHeldBytes: number;
  /** Those who were told that their journal is not open here. */
  readonly #told = new WeakSet<PeerHandle>();
  readonly #paused: ReadonlySet<PeerHandle>;
  readonly #held = new Map<Sender, Queue<Held>>();
  #isWaiting = false;
  readonly #turn: Turn;
  #isOver = false;
  #hasFailed = false;

  constructor({ inbox, deliveries, lane, clock, maxMessageBytes, paused, report }: IntakeOptions) {
    this.#inbox = inbox;
    this.#deliveries = deliveries;
    this.#lane = lane;
    this.#mostHeldBytes = windowBytes + maxMessageBytes;
    this.#report = report;
    this.#paused = paused;
    this.#turn = new Turn(clock, inbox);
    // What was not acknowledged comes again from whoever it is that has the folder then.
    inbox.senders.left = (sender) => {
      sender.heldBytes = 0;
      this.#turn.give(sender);
      if (this.#held.delete(sender)) inbox.shares.freed.wake();
    };
  }

  /** Of what came and waits. */
  get heldBytes(): number {
    return [...this.#held.keys()].reduce((bytes, { heldBytes }) => bytes + heldBytes, 0);
  }

  /** A sender says who it is, and is told what of it is here. */
  open(peer: PeerHandle, opening: Opening, owner: SenderOwner): Opened {
    const { failure, senders } = this.#inbox;
    if (failure !== undefined) throw new BusError('ERR_JOURNAL', 'The journal of the peer failed');
    const sender = senders.open(peer, opening, this.#inbox.now(), owner);
    const others = sender.lastBut(new Set(opening[1].map(([journal]) => journal)));
    for (const [journal] of opening[1]) {
      sender.accepted.set(journal, Math.max(sender.accepted.get(journal) ?? 0, sender.written.get(journal) ?? 0));
    }
    this.#told.delete(peer);
    return [this.#inbox.mostBytes, opening[1].map(([journal]) => [journal, sender.accepted.get(journal) ?? 0]), others];
  }

  /** The link of the peer is open, or is not. */
  linked(peer: PeerHandle, isUp: boolean): void {
    for (const each of this.#inbox.senders.linked(peer, isUp)) this.#tellClosed(each, 'Another session had it');
  }

  /** Resolves once all that came of the sender so far was handed out. */
  async heardOf(peer: PeerHandle): Promise<void> {
    const sender = this.#inbox.senders.of(peer);
    if (sender === undefined) throw new BusError('ERR_STATE', 'The journal is not open');
    await this.#deliveries.whenGiven(sender.lastNumber, sender.folder);
  }

  /** @throws BusError `ERR_PROTOCOL` for records of another sender, or damaged ones, or what the log failed with. */
  take(data: unknown, peer: PeerHandle): void {
    const { senders } = this.#inbox;
    const sender = senders.of(peer);
    if (this.#isOver) return;
    if (sender === undefined) {
      this.#tellClosed(peer, 'It is not open');
      return;
    }
    const waiting = this.#held.get(sender);
    const held = { head: readStretchHead(data), data: data as Uint8Array };
    try {
      if (!isHeld(held) || !sender.accepted.has(held.head.journal)) {
        throw new BusError('ERR_PROTOCOL', 'The journal got records of another sender');
      }
      if (waiting === undefined && !this.#turn.isHeld && this.#write(sender, peer, held)) return;
      sender.heldBytes += held.data.length;
      if (sender.heldBytes > this.#mostHeldBytes) {
        throw new BusError('ERR_PROTOCOL', 'The journal got more than may be in flight');
      }
    } catch (error) {
      this.#refuse(peer, error);
      throw error;
    }
    if (waiting === undefined) this.#held.set(sender, new Queue());
    this.#held.get(sender)?.push(held);
    if (!this.#isWaiting) void this.#writeHeld();
  }

  /** Tells a sender the answers of requests that are here. */
  async ask(peer: PeerHandle, asked: AskMessage[1]): Promise<void> {
    const folder = this.#inbox.senders.of(peer)?.folder;
    if (folder !== undefined) await this.#deliveries.requests.tell(folder, asked);
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
    this.#isWaiting = true;
    while (this.#held.size > 0) {
      if (this.#writeRound()) continue;
      // What was noted since may release something, once it was read.
      this.#deliveries.wake();
      const changed = this.#turn.whenRoom();
      if (!(await this.#inbox.makeRoom(this.#turn.wanted))) await changed;
    }
    this.#isWaiting = false;
  }

  /** One of each sender, up to whose turn it is; false where there was none. */
  #writeRound(): boolean {
    let hasWritten = false;
    for (const [sender, queue] of [...this.#held]) {
      if (this.#writeOne(sender, queue)) hasWritten = true;
      else if (this.#turn.isOf(sender) && this.#turn.isHeld) break;
    }
    return hasWritten;
  }

  /** False where it continues waiting. */
  #writeOne(sender: Sender, queue: Queue<Held>): boolean {
    const { first } = queue;
    const { peer } = sender;
    if (first === undefined || peer === undefined) return false;
    try {
      if (!this.#write(sender, peer, first)) return false;
    } catch (error) {
      this.#refuse(peer, error);
      this.#report(error, peer);
      return true;
    }
    this.#turn.give(sender);
    sender.heldBytes -= first.data.length;
    queue.shift();
    this.#held.delete(sender);
    // Behind all others that wait.
    if (queue.length > 0) this.#held.set(sender, queue);
    return true;
  }

  /** False where there is no room, or the peer is paused. Throws for what is damaged, or what the log failed with. */
  #write(sender: Sender, peer: PeerHandle, { head: { journal, follows }, data }: Held): boolean {
    if (this.#paused.has(peer)) return this.#waits(sender);
    const { failure, log, senders, shares } = this.#inbox;
    if (failure !== undefined) throw failure;
    const after = sender.accepted.get(journal) ?? 0;
    const contents = contentsOf(data, stretchHeadBytes, after);
    if (follows > after) throw new BusError('ERR_PROTOCOL', 'The journal got records out of order');
    if (contents === undefined) {
      throw new BusError('ERR_PROTOCOL', 'The journal got damaged records');
    }
    const { messages: count, first: oldest, last } = contents;
    if (count === 0 && (last > after || last === 0)) {
      throw new BusError('ERR_PROTOCOL', 'The journal got records without messages');
    }
    if (last <= after) {
      const written = sender.written.get(journal) ?? 0;
      if (last <= written) this.#acknowledge(peer, journal, written);
      return true;
    }
    const { folder } = sender;
    const bytes = roomOf(receivedHeadBytes + data.length - stretchHeadBytes, count);
    if (count > 1 && data.length - stretchHeadBytes > stretchBytesFor(this.#inbox.mostBytes)) {
      throw new BusError('ERR_PROTOCOL', 'The journal got too many messages at once');
    }
    if (this.#deliveries.isBehind(folder) || !shares.allow(folder, bytes)) return this.#waits(sender);
    const isHearing = this.#deliveries.isHearing(folder);
    const first = this.#inbox.next;
    const isOld = oldest <= sender.forgotten;
    const about = { isHeard: isHearing, isAgain: false, isOld, folder, journal, after, last, first, count };
    const head = receivedHead(about);
    if (log.append(data.subarray(stretchHeadBytes), head) === undefined) {
      this.#turn.take(sender, data.length);
      return false;
    }
    if (!sender.isOwnerNoted) log.note(ownedRecord(sender));
    sender.isOwnerNoted = true;
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
      () => {
        this.#failed(log.failure);
        if (sender.peer === peer) this.#refuse(peer, log.failure);
      },
    );
    return true;
  }

  /** For something else than room. */
  #waits(sender: Sender): false {
    this.#turn.give(sender);
    return false;
  }

  /** Takes nothing more of the sender before it opens its journal again. */
  #refuse(peer: PeerHandle, error: unknown): void {
    this.#inbox.senders.leave(peer);
    this.#tellClosed(peer, codeOf(error) === 'ERR_PROTOCOL' ? textOf(error) : 'It failed');
  }

  /** Once, until it is open again. */
  #tellClosed(peer: PeerHandle, reason: string): void {
    if (this.#told.has(peer)) return;
    this.#told.add(peer);
    this.#tell(peer, closedMessage(reason));
  }

  #acknowledge(peer: PeerHandle, journal: string, sequence: number): void {
    this.#tell(peer, [journal, sequence]);
  }

  #tell(peer: PeerHandle, message: Acknowledged | ClosedMessage): void {
    try {
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

function isHeld(held: { readonly head: StretchHead | undefined }): held is Held {
  return held.head !== undefined;
}
