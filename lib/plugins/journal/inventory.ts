import { deadIdOf, type DeadMark, readDead } from './format/dead-letter-record.ts';
import { messageHeadBytes, RecordKind } from './format/message-record.ts';
import { InboxFinds } from './inbox/inbox-finds.ts';
import { readUint48 } from './log/record.ts';
import type { Visit } from './log/scan.ts';

/** Sequences that follow on each other. */
interface Run {
  readonly first: number;
  last: number;
}

/** A message that failed permanently, without its data. */
export interface FoundDeadLetter {
  readonly id: string;
  readonly error: { readonly code: string; readonly message: string };
  readonly attempts: number;
}

/** What waits in a journal, and what failed permanently, found out from its records as they are read in order. */
export class Inventory {
  readonly #inbox = new InboxFinds(() => 0, Number.MAX_SAFE_INTEGER);
  /** Messages to the peer, where it may not have them. */
  #runs: Run[] = [];
  #taken = 0;
  readonly #dead = new Map<string, FoundDeadLetter>();

  /** Messages that the peer does not have, or that were not handled here. */
  get waiting(): number {
    let messages = 0;
    for (const { first, last } of this.#runs) messages += Math.max(0, last - Math.max(first - 1, this.#taken));
    return messages + this.#inbox.waiting;
  }

  get deadLetters(): FoundDeadLetter[] {
    return [...this.#dead.values()].filter(({ id }) => this.#inbox.dead.has(id));
  }

  readonly visit: Visit = (sequence, bytes, start, end, mark) => {
    const kind = bytes[start];
    if (kind === RecordKind.message && end - start >= messageHeadBytes) {
      const run = this.#runs.at(-1);
      if (run !== undefined && run.last + 1 === sequence) run.last = sequence;
      else this.#runs.push({ first: sequence, last: sequence });
    } else if (kind === RecordKind.taken && end - start === messageHeadBytes) {
      this.#taken = Math.max(this.#taken, readUint48(bytes, start + 1));
      if (this.#runs.length > 1_000) this.#runs = this.#runs.filter(({ last }) => last > this.#taken);
    } else {
      try {
        this.#inbox.visit(sequence, bytes, start, end, mark);
        if (kind === RecordKind.dead) this.#die(readDead(bytes, start, end).mark);
      } catch {
        // A record of a log that is not a journal, which may begin with any byte.
      }
    }
  };

  #die(mark: DeadMark): void {
    const { code, message, attempts } = mark;
    const id = deadIdOf(mark);
    this.#dead.delete(id);
    this.#dead.set(id, { id, error: { code, message }, attempts });
  }
}
