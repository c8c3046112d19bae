import { BusError } from '../../../base/errors.ts';
import { messageCost } from '../channel-frame.ts';

/** How many messages of one peer may wait. */
const maxWaiting = 10_000;

/** What one peer has to say about topics while `authorize` is asked: one after the other, so that it keeps its order. */
export class AuthorizationQueue {
  readonly #maxBytes: number;
  #last: Promise<void> = Promise.resolve();
  #count = 0;
  #bytes = 0;
  #open = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Runs `task`, which keeps `data`, in its turn; settles as it does.
   * @throws BusError `ERR_QUEUE_FULL` when too much waits already.
   */
  add(data: unknown, task: () => Promise<void>): Promise<void> {
    const bytes = sizeOf(data) + messageCost;
    if (this.#count >= maxWaiting || this.#bytes + bytes > this.#maxBytes) {
      throw new BusError('ERR_QUEUE_FULL', 'Too many messages of the peer wait for "authorize"');
    }
    this.#count += 1;
    this.#bytes += bytes;
    const turn = this.#last.then(() => (this.#open ? task() : undefined));
    const over = (): void => {
      this.#count -= 1;
      this.#bytes -= bytes;
    };
    this.#last = turn.then(over, over);
    return turn;
  }

  /** What waits is not run any more. */
  close(): void {
    this.#open = false;
  }
}

/** About what decoded data keeps in memory. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 16 + value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 64 + value.byteLength;
  let bytes = 16;
  const entries = Array.isArray(value) || value instanceof Set || value instanceof Map ? value : Object.entries(value);
  for (const entry of entries) bytes += sizeOf(entry);
  return bytes;
}
