import { asBusError, BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import { codeOf } from '../../../base/thrown.ts';
import { Signal } from '../../../base/wait.ts';
import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import {
  type Acknowledged,
  leastStretchBytes,
  mostStretchBytes,
  type Opened,
  type Refused,
  stretchBytesFor,
  stretchMessage,
  windowBytes,
} from '../format/lane-messages.ts';
import { type FoundMessage, messagesIn, recordsIn } from '../format/message-record.ts';
import type { Stretch } from '../log/log-reader.ts';
import type { Source } from './source.ts';

/** Whose messages they are. */
export interface FeedOwner {
  /** The last sequence that may go out now, before something else has. */
  readonly upTo: number;
  /** Resolves when what was sent before without the journal has arrived. */
  settled(): Promise<void>;
  /** The peer has more. */
  taken(): void;
  /** The peer has handled all messages up to there; requests before may wait for their answers still. */
  handled(sequence: number): void;
  /** The peer will never have this one: resolves once it is kept elsewhere. */
  refuse(message: Refused, error: BusError): Promise<void>;
}

/** Feeds one session with what waits in the journal, in order, as long as it lives. */
export abstract class Feed {
  protected readonly source: Source;
  protected readonly owner: FeedOwner;
  protected readonly news = new Signal();
  protected isOver = false;
  /** It ended, since what follows is of an opening that the peer was not asked about. */
  isUnnamed = false;
  /** What failed beside `feed`. */
  #fault: { readonly error: unknown } | undefined;
  protected stretchBytes = mostStretchBytes;

  constructor(source: Source, owner: FeedOwner) {
    this.source = source;
    this.owner = owner;
  }

  /** There may be more to send. */
  wake(): void {
    if (this.news.isAwaited) this.news.wake();
  }

  /** The session is over. */
  end(): void {
    this.isOver = true;
    this.wake();
  }

  /** Resolves when the session is over; rejects with what reading or sending failed with. */
  async run(): Promise<void> {
    const reader = this.source.reader();
    try {
      while (!this.isOver) {
        const next = this.news.next();
        const stretch = this.isFull ? undefined : await reader.next(this.stretchBytes, () => this.owner.upTo);
        if (this.isOver) break;
        if (this.#fault !== undefined) throw this.#fault.error;
        if (stretch === undefined) await next;
        else await this.feed(stretch);
      }
    } catch (error) {
      if (!this.isOver) throw error;
    } finally {
      this.isOver = true;
      await reader.close();
    }
  }

  /** Has `run` reject this. */
  protected failed(error: unknown): void {
    this.#fault = { error };
    this.wake();
  }

  /** Nothing more is to be read for now. */
  protected get isFull(): boolean {
    return false;
  }

  protected abstract feed(stretch: Stretch): Promise<void>;
}

export interface OnItsWay {
  readonly journal: string;
  readonly last: number;
  readonly messages: number;
  /** What the messages have in the source. */
  readonly bytes: number;
  /** What goes over the link. */
  readonly size: number;
  /** The peer refused it, and is not to say anything more about it. */
  readonly isRefused?: boolean;
}

/** What a stretch has of messages, and the last of them; undefined where there is none. */
export function sumOf({ journal, bytes }: Stretch): OnItsWay | undefined {
  let messages = 0;
  let sum = 0;
  let last = 0;
  for (const { sequence, start, end } of messagesIn(bytes)) {
    messages += 1;
    sum += end - start + 23;
    last = sequence;
  }
  return messages === 0 ? undefined : { journal, last, messages, bytes: sum, size: bytes.length };
}

/** To a peer that has a journal: whole stretches of records, as they stand in this one. */
export class JournalFeed extends Feed {
  readonly #lane: Lane;
  readonly #peer: PeerHandle;
  readonly #mostBytes: number;
  readonly #had: ReadonlyMap<string, number>;
  /** Of each opening: the last sequence that went out in this session, or that the peer had before. */
  readonly #sent = new Map<string, number>();
  readonly #onItsWay = new Queue<OnItsWay>();
  #bytes = 0;
  readonly #over = new AbortController();
  /** What waits for room is not sent in the next session, which has a feed of its own. */
  readonly #until = { signal: this.#over.signal };

  constructor(source: Source, owner: FeedOwner, lane: Lane, peer: PeerHandle, [mostBytes, had]: Opened) {
    super(source, owner);
    this.#lane = lane;
    this.#peer = peer;
    this.#mostBytes = mostBytes;
    this.#had = new Map(had);
    this.stretchBytes = stretchBytesFor(mostBytes);
  }

  override end(): void {
    super.end();
    this.#over.abort();
  }

  /** The peer's journal has all up to there. */
  acknowledged([journal, sequence]: Acknowledged): void {
    for (let { first } = this.#onItsWay; first !== undefined; { first } = this.#onItsWay) {
      if (first.isRefused !== true && (first.journal !== journal || first.last > sequence)) break;
      this.#onItsWay.shift();
      this.#bytes -= first.size;
      this.source.take(first.last, first.messages, first.bytes);
    }
    this.owner.taken();
    this.wake();
  }

  protected override get isFull(): boolean {
    return this.#bytes >= windowBytes;
  }

  protected async feed(stretch: Stretch): Promise<void> {
    const sum = sumOf(stretch);
    if (sum === undefined) return;
    if (!this.#had.has(sum.journal)) {
      await this.#endUnnamed();
      return;
    }
    if (sum.last <= (this.#had.get(sum.journal) ?? 0)) {
      this.#sent.set(sum.journal, sum.last);
      this.source.take(sum.last, sum.messages, sum.bytes);
      this.owner.taken();
      return;
    }
    await this.owner.settled();
    if (!this.isOver) await this.#send(stretch, sum);
  }

  /** Once the peer has all that is on its way. */
  async #endUnnamed(): Promise<void> {
    while (this.#onItsWay.length > 0 && !this.isOver) await this.news.next();
    if (!this.isOver) this.isOver = this.isUnnamed = true;
  }

  async #send({ journal, bytes }: Stretch, sum: OnItsWay): Promise<void> {
    try {
      if (bytes.length > this.#mostBytes) {
        throw new BusError(
          'ERR_TOO_LARGE',
          `The records have ${bytes.length} bytes, the peer takes ${this.#mostBytes}`,
        );
      }
      const message = stretchMessage({ journal, follows: this.#sent.get(journal) ?? 0 }, bytes);
      if (!this.#lane.trySend(this.#peer, message)) await this.#lane.send(this.#peer, message, this.#until);
      this.#sent.set(journal, sum.last);
      this.#push(sum);
      return;
    } catch (error) {
      if (codeOf(error) !== 'ERR_TOO_LARGE') throw error;
      if (sum.messages === 1) {
        await this.#refuse({ journal, bytes }, sum, error);
        return;
      }
    }
    this.stretchBytes = Math.max(leastStretchBytes, this.stretchBytes / 2);
    for (const record of recordsIn(bytes)) {
      const one = { journal, bytes: record };
      const own = sumOf(one);
      if (own !== undefined && !this.isOver) await this.#send(one, own);
    }
  }

  async #refuse({ journal, bytes }: Stretch, sum: OnItsWay, error: unknown): Promise<void> {
    const [message] = messagesIn(bytes);
    const { sequence, start, end } = message as FoundMessage;
    const body = bytes.subarray(start, end);
    await this.owner.refuse({ journal, sequence, body }, asBusError(error, 'ERR_TOO_LARGE'));
    this.#push({ ...sum, isRefused: true });
    this.acknowledged([journal, 0]);
  }

  #push(sum: OnItsWay): void {
    this.#onItsWay.push(sum);
    this.#bytes += sum.size;
  }
}
