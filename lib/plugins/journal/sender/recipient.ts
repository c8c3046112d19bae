import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { ResolvedLogOptions } from '../log/log-options.ts';
import type { Share } from './budget.ts';
import type { ClientSends } from './client-sends.ts';
import { Confirms } from './confirms.ts';
import type { Outbox } from './outbox.ts';
import { OutboxLog, type Waiting } from './outbox-log.ts';

const nothing: Waiting = { messages: 0, bytes: 0, oldestAt: 0, lastAt: 0 };

/** Where the journal of one client is. */
export interface RecipientPlace {
  readonly folder: string;
  readonly log: ResolvedLogOptions;
  readonly clock: Clock;
}

/** One client that something durable was sent to, by the id of its journal. */
export class Recipient {
  readonly id: string;
  readonly folder: string;
  readonly share: Share;
  readonly confirms = new Confirms();
  readonly #place: RecipientPlace;
  /** The connection that it has, and what is sent to it. */
  here: { readonly sends: ClientSends; readonly outbox: Outbox } | undefined;
  /** What waits while it is away; undefined until that is known. */
  waiting: Waiting | undefined;
  awaySince = Date.now();
  /** Until it resolves, somebody has the folder. Never rejects. */
  busy: Promise<void>;

  /** `isNew`: it has no folder yet. */
  constructor(id: string, place: RecipientPlace, share: Share, busy: Promise<void>, isNew: boolean) {
    this.id = id;
    this.folder = place.folder;
    this.share = share;
    this.busy = busy;
    this.#place = place;
    this.waiting = isNew ? nothing : undefined;
  }

  /** It is known that nothing waits for it. */
  get isIdle(): boolean {
    return this.here === undefined && this.waiting?.messages === 0;
  }

  /** Finds out what an earlier process left for it. Rejects as `OutboxLog.open`. */
  count(report: (damage: BusError) => void): Promise<void> {
    return this.#withLog(async (box) => {
      for (const damage of box.log.damages) report(damage);
      const waiting = await box.waiting();
      this.waiting = waiting;
      if (waiting.lastAt > 0) this.awaySince = waiting.lastAt;
    });
  }

  /** While it is away. Rejects as `OutboxLog.open`, and with `ERR_QUEUE_FULL`. */
  append(body: Uint8Array): Promise<void> {
    return this.#withLog(async (box) => {
      const sequence = box.append(body);
      this.waiting = await box.waiting();
      if (sequence === undefined) throw new BusError('ERR_QUEUE_FULL', 'The journal has no room');
    });
  }

  /** Nothing waits for it any more, and its folder stays. Resolves with how many messages did. Rejects as `OutboxLog.open`. */
  empty(): Promise<number> {
    return this.#withLog(async (box) => {
      const { messages } = await box.waiting();
      await box.takeAll();
      this.waiting = nothing;
      return messages;
    });
  }

  async #withLog<T>(use: (box: OutboxLog) => Promise<T>): Promise<T> {
    const { folder, log, clock } = this.#place;
    const box = await OutboxLog.open(folder, log, clock, this.share);
    try {
      return await use(box);
    } finally {
      await box.close();
    }
  }
}
