import type { Visit } from './log/scan.ts';
import { RecordKind } from './message-record.ts';
import { type Handled, readHandled, readReceived } from './received-record.ts';
import { type SenderRow, Senders } from './senders.ts';

/** What holds of all records before a segment. */
interface InboxState {
  readonly senders: readonly SenderRow[];
  readonly handled: Handled;
  /** The number of the next message. */
  readonly next: number;
}

/** The heading of a segment. */
export function inboxHeading(state: InboxState): Uint8Array {
  return Buffer.from(`${String.fromCharCode(RecordKind.heading)}${JSON.stringify(state)}`);
}

/** What an earlier process left, record by record. */
export class InboxFinds {
  readonly senders = new Senders();
  next = 1;
  #handled: Handled = { next: 1, begun: 1, open: [] };
  /** Those before it came while listeners stood. */
  #heard = 1;
  readonly #portions: { readonly sequence: number; readonly end: number }[] = [];

  /** Those before `begun` may have been heard. */
  get handled(): Handled {
    return { ...this.#handled, begun: Math.max(this.#handled.begun, this.#heard) };
  }

  /** The first record that has something that is not handled. */
  get from(): number | undefined {
    const { next, open } = this.#handled;
    const least = Math.min(next, ...open);
    return this.#portions.find(({ end }) => end > least)?.sequence;
  }

  readonly visit: Visit = (sequence, bytes, start, end) => {
    const kind = bytes[start];
    if (kind === RecordKind.received) {
      const { folder, journal, first, count, last, isHeard } = readReceived(bytes, start);
      this.senders.wrote(folder, journal, last, Date.now());
      this.next = Math.max(this.next, first + count);
      if (isHeard) this.#heard = this.next;
      this.#portions.push({ sequence, end: first + count });
    } else if (kind === RecordKind.handled) {
      this.#handled = readHandled(bytes, start, end);
    } else if (kind === RecordKind.heading) {
      const state = JSON.parse(Buffer.from(bytes.subarray(start + 1, end)).toString()) as InboxState;
      this.senders.restore(state.senders);
      this.#handled = state.handled;
      this.next = Math.max(this.next, state.next);
    }
  };
}
