import { BusError } from '../../../base/errors.ts';
import type { DurableAskOptions } from '../../../bus/plugin.ts';
import type { AnswerMessage, Refused } from '../format/lane-messages.ts';
import { readRequestBody, requestIdOf } from '../format/request-body.ts';
import { AskedRequests } from './asked-requests.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import { isToRepeat } from './plain-feed.ts';

/** The sends of a client, with its durable requests among them. */
export class AskingOutbox extends Outbox {
  readonly #asked: AskedRequests;

  constructor(options: OutboxOptions) {
    super(options);
    this.#asked = new AskedRequests({
      clock: options.host.clock,
      place: (body) => this.place(body),
      ask: (asked) => {
        // One that does not reach it yet asks for all.
        if (this.relay.reachesJournal) this.relay.ask(asked);
      },
    });
  }

  /** Rejects as `Client.request`. */
  request(data: unknown, options: DurableAskOptions): Promise<unknown> {
    try {
      return this.#asked.ask(this.encode(data), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The peer says what a request was answered with. */
  answered(message: AnswerMessage): void {
    const [, id] = message;
    this.#asked.answered(message);
    this.box?.requests.forget(id);
    this.relay.got(id);
  }

  override begun(confirms: boolean): void {
    if (this.relay.reachesJournal) for (const asked of this.#asked.asked) this.relay.ask(asked);
    super.begun(confirms);
  }

  /** Asks as an end without a journal does. Resolves once it is answered; rejects with what it failed with. */
  askPlain(id: string, data: unknown): Promise<void> {
    const answer = this.options.sender.request?.(data) ?? Promise.resolve();
    const tell = (): void => {
      this.#asked.settled(id, answer);
      this.box?.requests.forget(id);
    };
    return answer.then(tell, (error: unknown) => {
      if (!isToRepeat(error)) tell();
      throw error;
    });
  }

  override async refuse(message: Refused, error: BusError): Promise<void> {
    await super.refuse(message, error);
    const request = readRequestBody(message.body);
    if (request === undefined) return;
    const id = requestIdOf(request.key, message.journal, message.sequence);
    this.#asked.refused(id, error);
    this.box?.requests.forget(id);
  }

  override close(): Promise<void> {
    this.#asked.fail(new BusError('ERR_CLOSED'));
    return super.close();
  }
}
