import { asBusError, BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import { codeOf } from '../../../base/thrown.ts';
import { type FoundMessage, messagesIn } from '../format/message-record.ts';
import { isRequestBody } from '../format/request-body.ts';
import type { Stretch } from '../log/log-reader.ts';
import { Feed, type FeedOwner, type OnItsWay, sumOf } from './feed.ts';
import type { Source } from './source.ts';

/** Requests that wait for their answers; more wait until one has come. */
const mostAsked = 1_000;

/** What says that the session was over before the peer had the message. */
const lost: readonly (string | undefined)[] = ['ERR_SESSION_LOST', 'ERR_CLOSED', 'ERR_DESTROYED', 'ERR_SLOW_CONSUMER'];

/** What says that the peer never takes a message. */
const refusals: readonly (string | undefined)[] = ['ERR_TOO_LARGE', 'ERR_UNENCODABLE'];

const isLost = (error: unknown): boolean => lost.includes(codeOf(error));
const isBusy = (error: unknown): boolean => codeOf(error) === 'ERR_QUEUE_FULL';

/** Whether what the peer did not take is sent again. */
export function isToRepeat(error: unknown): boolean {
  return isLost(error) || isBusy(error);
}

/** Sends what stands there in that journal, without the journal. */
type SendRecord = (body: Uint8Array, journal: string, sequence: number) => Promise<void>;

/** What went out together. */
interface Portion {
  readonly sum: OnItsWay;
  /** Its requests that are not answered, and one more until its messages were handled. */
  open: number;
}

/** To a peer without a journal: message by message, each until it was handled, where the peer tells; requests hold nothing up. */
export class PlainFeed extends Feed {
  /** Sends what was encoded so. */
  readonly #send: SendRecord;
  /** Waits until it is worth trying again. */
  readonly #rest: () => Promise<void>;
  readonly #portions = new Queue<Portion>();
  #asked = 0;

  constructor(source: Source, owner: FeedOwner, send: SendRecord, rest: () => Promise<void>) {
    super(source, owner);
    this.#send = send;
    this.#rest = rest;
  }

  protected override get isFull(): boolean {
    return this.#asked >= mostAsked;
  }

  protected async feed(stretch: Stretch): Promise<void> {
    const sum = sumOf(stretch);
    if (sum === undefined) return;
    await this.owner.settled();
    const portion: Portion = { sum, open: 1 };
    this.#portions.push(portion);
    for (let left = [...messagesIn(stretch.bytes)]; left.length > 0; ) {
      left = await this.#sendAll(stretch, left, portion);
      if (left.length > 0) await this.#rest();
      if (this.isOver) return;
    }
    this.#done(portion);
    this.owner.handled(sum.last);
  }

  /** Resolves those for which the peer had no room. */
  async #sendAll(stretch: Stretch, messages: readonly FoundMessage[], portion: Portion): Promise<FoundMessage[]> {
    const { journal, bytes } = stretch;
    const answers = await Promise.all(
      messages.map(async (message) => {
        const body = bytes.subarray(message.start, message.end);
        if (isRequestBody(body)) return void this.#ask(stretch, message, portion);
        return this.#send(body, journal, message.sequence).catch((error: unknown) => error);
      }),
    );
    const left: FoundMessage[] = [];
    for (const [index, message] of messages.entries()) {
      const answer = answers[index];
      if (isLost(answer)) throw new BusError('ERR_SESSION_LOST', undefined, { cause: answer });
      if (isBusy(answer)) left.push(message);
      else await this.#answered(stretch, message, answer);
    }
    return left;
  }

  /** Asks until there is an answer. Never rejects. */
  async #ask(stretch: Stretch, message: FoundMessage, portion: Portion): Promise<void> {
    const { sequence, start, end } = message;
    portion.open += 1;
    this.#asked += 1;
    try {
      const ask = (): Promise<unknown> =>
        this.#send(stretch.bytes.subarray(start, end), stretch.journal, sequence).catch((error: unknown) => error);
      let answer = await ask();
      while (isToRepeat(answer) && !this.isOver) {
        await this.#rest();
        if (!this.isOver) answer = await ask();
      }
      if (this.isOver) return;
      await this.#answered(stretch, message, answer);
      this.#done(portion);
    } catch (error) {
      this.failed(error);
    }
    this.#asked -= 1;
    this.wake();
  }

  /** What else than that it never takes a message a peer fails with, or that nobody listens, says that it has had it. */
  async #answered({ journal, bytes }: Stretch, { sequence, start, end }: FoundMessage, answer: unknown): Promise<void> {
    if (!refusals.includes(codeOf(answer))) return;
    const body = bytes.subarray(start, end);
    await this.owner.refuse({ journal, sequence, body }, asBusError(answer, 'ERR_TOO_LARGE'));
  }

  #done(portion: Portion): void {
    portion.open -= 1;
    for (let { first } = this.#portions; first?.open === 0; { first } = this.#portions) {
      this.#portions.shift();
      this.source.take(first.sum.last, first.sum.messages, first.sum.bytes);
      this.owner.taken();
    }
  }
}
