import { BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import type { DurableSender, SendSettings } from '../../../bus/plugin.ts';
import type { Early } from './early-sends.ts';
import type { OutboxLog } from './outbox-log.ts';
import type { Relay } from './relay.ts';

const mostWaiting = 16_384;

/** A message that is to be heard behind a durable one. */
interface Behind {
  readonly early: Early | undefined;
  readonly sequence: number;
  go(): void;
}

/** Whose messages they are. */
export interface PlainSendsOwner {
  /** Once the journal is open. */
  readonly box: OutboxLog | undefined;
  readonly relay: Pick<Relay, 'reachesJournal' | 'isPeerFailed' | 'askHeard'>;
  /** The peer has all messages up to it, or has handled them. */
  readonly handledUpTo: number;
  /** There are durable messages without a place. */
  readonly hasEarly: boolean;
  /** The last one of them, which is kept until it is known where it is. */
  followEarly(): Early | undefined;
  /** More of the journal may go out. */
  released(): void;
}

/**
 * What a client sends without its journal, in order with what it sends by it. Both take ways of their own, so that each waits
 * where the other was last: until it was heard.
 */
export class PlainSends {
  readonly #sender: DurableSender;
  readonly #owner: PlainSendsOwner;
  readonly #behind = new Queue<Behind>();
  /** The one that came last. */
  #last: Behind | undefined;
  /** Something was sent since all of that had arrived; maybe before this here was made. */
  #hasUnsettled = true;
  /** The peer's listeners have had all up to it. */
  #heard = 0;
  #isAsking = false;

  constructor(sender: DurableSender, owner: PlainSendsOwner) {
    this.#sender = sender;
    this.#owner = owner;
  }

  /** Up to where the journal may go out before one of these has. */
  get upTo(): number {
    const { first } = this.#behind;
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return sequenceOf(first) ?? Number.POSITIVE_INFINITY;
  }

  send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    if (!this.#isAhead) {
      this.#hasUnsettled = true;
      return this.#sender.send(data, settings);
    }
    if (this.#behind.length >= mostWaiting) return Promise.reject(new BusError('ERR_QUEUE_FULL'));
    return new Promise((resolve, reject) => {
      const go = (): void => {
        this.#hasUnsettled = true;
        this.#sender.send(data, settings).then(resolve, reject);
      };
      const { box } = this.#owner;
      this.#last = { early: this.#owner.followEarly(), sequence: box?.lastMessage ?? 0, go };
      this.#behind.push(this.#last);
      this.follow();
    });
  }

  /** Whether some wait. */
  get isWaiting(): boolean {
    return this.#behind.length > 0;
  }

  /** Resolves when those that wait now have gone out, or never will. */
  gone(): Promise<void> {
    const last = this.#last;
    if (last === undefined || this.#behind.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#behind.push({ early: last.early, sequence: last.sequence, go: resolve }));
  }

  /** Resolves when what was sent so has arrived. */
  async settled(): Promise<void> {
    while (this.#hasUnsettled) {
      this.#hasUnsettled = false;
      await this.#sender.arrived();
    }
  }

  /** Sends those that nothing is before any more. */
  follow(): void {
    const { box, relay, handledUpTo } = this.#owner;
    const { reachesJournal, isPeerFailed } = relay;
    for (let { first } = this.#behind; first !== undefined; { first } = this.#behind) {
      const sequence = sequenceOf(first);
      // What a journal that failed does not have any more, or will not take, nobody waits for.
      if (box?.log.failure === undefined && !isPeerFailed) {
        if (sequence === undefined || sequence > handledUpTo) return;
        if (reachesJournal && sequence > this.#heard) {
          if (!this.#isAsking) void this.#ask(handledUpTo);
          return;
        }
      }
      this.#behind.shift();
      first.go();
      this.#owner.released();
    }
  }

  /** Sends all, whatever is before them. */
  end(): void {
    for (const { go } of this.#behind.clear()) go();
  }

  /** Something durable was sent that the peer's listeners may not have had. */
  get #isAhead(): boolean {
    const { hasEarly, box, relay, handledUpTo } = this.#owner;
    if (relay.isPeerFailed) return false;
    if (hasEarly || this.#behind.length > 0) return true;
    if (box === undefined || box.log.failure !== undefined) return false;
    return box.lastMessage > handledUpTo || (relay.reachesJournal && box.lastMessage > this.#heard);
  }

  /** The peer's journal has all up to `taken`; its listeners may not have had it yet. */
  async #ask(taken: number): Promise<void> {
    this.#isAsking = true;
    try {
      await this.#owner.relay.askHeard();
      this.#heard = taken;
      this.#isAsking = false;
      this.follow();
    } catch {
      // Its session is over; it is asked again in the next one.
      this.#isAsking = false;
    }
  }
}

function sequenceOf({ early, sequence }: Behind): number | undefined {
  return early === undefined ? sequence : early.sequence;
}
