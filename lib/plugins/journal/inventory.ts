import { InboxFinds } from './inbox-finds.ts';
import type { Visit } from './log/scan.ts';
import { readUint48 } from './log/record.ts';
import { messageHeadBytes, RecordKind } from './message-record.ts';

/** Sequences that follow on each other. */
interface Run {
  readonly first: number;
  last: number;
}

/** What waits in a journal, found out from its records as they are read in order. */
export class Inventory {
  readonly #inbox = new InboxFinds(() => 0);
  /** Messages to the peer, where it may not have them. */
  #runs: Run[] = [];
  #taken = 0;

  /** Messages that the peer does not have, or that were not handled here. */
  get waiting(): number {
    let messages = 0;
    for (const { first, last } of this.#runs) messages += Math.max(0, last - Math.max(first - 1, this.#taken));
    return messages + this.#inbox.waiting;
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
      } catch {
        // A record of a log that is no journal, which may begin with any byte.
      }
    }
  };
}
