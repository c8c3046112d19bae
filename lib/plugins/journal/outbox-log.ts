import type { DurableBacklog } from '../../bus/plugin.ts';
import { Log } from './log/log.ts';
import type { LogOptions } from './log/log-options.ts';
import { readUint48, recordHeaderBytes, writeUint48 } from './log/record.ts';
import type { Source, SourceReader } from './source.ts';
import { messageHead, messageHeadBytes, messagesIn, RecordKind } from './message-record.ts';

const readBytes = 262_144;

/** The messages of one sender in its folder, and up to where the peer has them. */
export class OutboxLog implements Source {
  readonly log: Log;
  /** The peer has all up to it. */
  #taken: number;
  #lastMessage: number;
  #messages = 0;
  #bytes = 0;
  /** The end of what was told of `taken`. */
  #marked: number;
  #isMarking = false;

  private constructor(log: Log, taken: number) {
    this.log = log;
    this.#taken = this.#marked = this.#lastMessage = taken;
  }

  /** Rejects as `Log.open`. */
  static async open(folder: string, options: LogOptions): Promise<OutboxLog> {
    let taken = 0;
    const known: { box?: OutboxLog } = {};
    const log = await Log.open(folder, options, {
      visit: (_sequence, bytes, start) => {
        if (bytes[start] === RecordKind.taken) taken = Math.max(taken, readUint48(bytes, start + 1));
      },
      heading: () => (known.box === undefined ? [] : [takenRecord(known.box.#taken)]),
    });
    const box = new OutboxLog(log, taken);
    known.box = box;
    log.keepFrom(taken + 1);
    await box.#count();
    return box;
  }

  get folderId(): string {
    return this.log.folderId;
  }

  get taken(): number {
    return this.#taken;
  }

  /** The sequence of the last message; the peer has all where that is `taken`. */
  get lastMessage(): number {
    return this.#lastMessage;
  }

  get journals(): (readonly [journal: string, last: number])[] {
    const found = new Map<string, number>();
    for (const { journal, last } of this.log.segments) found.set(journal, last);
    found.set(this.log.id, this.log.last);
    return [...found];
  }

  /** The sequence it has in the journal from now on; undefined where there is no room. Throws as `Log.append`. */
  append(body: Uint8Array): number | undefined {
    const sequence = this.log.append(body, messageHead(Date.now()));
    if (sequence === undefined) return undefined;
    this.#lastMessage = sequence;
    this.#messages += 1;
    this.#bytes += recordHeaderBytes + messageHeadBytes + body.length;
    return sequence;
  }

  take(sequence: number, messages: number, bytes: number): void {
    if (sequence <= this.#taken) return;
    this.#taken = sequence;
    this.#messages -= messages;
    this.#bytes -= bytes;
    this.log.keepFrom(sequence + 1);
    if (!this.#isMarking) void this.#mark();
  }

  reader(): SourceReader {
    return this.log.reader(this.#taken + 1);
  }

  /** What waits, by now. */
  async backlog(): Promise<DurableBacklog> {
    const { messages, bytes } = this.#totals;
    if (messages === 0) return { messages, bytes, oldestMs: 0 };
    await this.log.pending;
    const reader = this.reader();
    try {
      for (let found = await reader.next(1); found !== undefined; found = await reader.next(1)) {
        const [oldest] = messagesIn(found.bytes);
        if (oldest !== undefined) return { ...this.#totals, oldestMs: Math.max(0, Date.now() - oldest.timeMs) };
      }
    } finally {
      await reader.close();
    }
    return { ...this.#totals, oldestMs: 0 };
  }

  async close(): Promise<void> {
    this.#note();
    await this.log.close();
  }

  get #totals(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  async #count(): Promise<void> {
    const reader = this.reader();
    for (let found = await reader.next(readBytes); found !== undefined; found = await reader.next(readBytes)) {
      for (const { sequence, start, end } of messagesIn(found.bytes)) {
        this.#lastMessage = sequence;
        this.#messages += 1;
        this.#bytes += recordHeaderBytes + messageHeadBytes + end - start;
      }
    }
    await reader.close();
  }

  /** One note for each write: what is not noted when the process dies, the peer tells when it is asked the next time. */
  async #mark(): Promise<void> {
    this.#isMarking = true;
    while (this.#note()) {
      try {
        await this.log.pending;
      } catch {
        break;
      }
    }
    this.#isMarking = false;
  }

  /** False where there is nothing to note, or it cannot be. */
  #note(): boolean {
    if (this.#marked === this.#taken || this.log.failure !== undefined) return false;
    this.#marked = this.#taken;
    return this.log.append(takenRecord(this.#taken)) !== undefined;
  }
}

function takenRecord(sequence: number): Uint8Array {
  const record = Buffer.alloc(7);
  record[0] = RecordKind.taken;
  writeUint48(record, 1, sequence);
  return record;
}
