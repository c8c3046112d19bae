import type { Clock } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import type { AskOptions } from '../../bus/ask-options.ts';
import { type Answerer, IncomingRequest } from '../../bus/incoming.ts';
import { type QuestionCarrier, Questions } from '../../bus/questions.ts';
import type { Waiting } from '../../session/waiting.ts';
import type { CallRequest } from './call-context.ts';
import type { CallLine } from './call-line.ts';
import { usualAsk } from './call-options.ts';
import { failureOf } from './failure.ts';
import { type AnswerBody, type CallBody, type CallFrame, isAnswerBody, kind, type RpcFrame } from './frame.ts';

export interface FramedCallsOptions {
  readonly clock: Clock;
  readonly user: number;
  /** May throw what the encoder throws. */
  send(frame: RpcFrame | CallFrame): Promise<void>;
  answer(call: CallBody, request: CallRequest): AnswerBody | Promise<AnswerBody>;
  /** An answer came that nobody waits for any more. */
  unclaimed(answer: unknown): void;
}

/** Who answers has told of bugs. */
const reported = (): void => undefined;

/** Questions and answers over a channel, which knows messages only. */
export class FramedCalls implements CallLine, QuestionCarrier, Answerer<number> {
  readonly handle: number;
  readonly #options: FramedCallsOptions;
  readonly #questions: Questions;
  readonly #usual: AskOptions;
  /** Calls of the other side's that are being answered. */
  readonly #running = new Map<number, IncomingRequest<number>>();

  constructor(options: FramedCallsOptions) {
    this.handle = options.user;
    this.#options = options;
    this.#questions = new Questions(options.clock, this);
    this.#usual = { ...usualAsk, unclaimed: options.unclaimed };
  }

  ask(call: CallBody, ask: AskOptions): Promise<unknown> {
    const { unclaimed } = this.#options;
    return this.#questions.ask('', ask === usualAsk ? this.#usual : { ...ask, unclaimed }, (id, timeoutMs) => {
      const frame: CallFrame = timeoutMs === undefined ? [kind.call, id, call] : [kind.call, id, call, timeoutMs];
      this.#options.send(frame).catch((error: unknown) => this.#questions.failed(id, failureOf(error)));
    });
  }

  send(frame: RpcFrame): Promise<void> {
    return this.#options.send(frame);
  }

  receive(frame: CallFrame): void {
    const [type, id, body] = frame;
    if (type === kind.answer) this.#questions.answered(id, body, '');
    else if (type === kind.cancel) this.#cancelled(id, new BusError('ERR_ABORTED', 'The caller gave up'));
    else this.#called(id, body, frame[3]);
  }

  close(error: BusError): void {
    this.#questions.fail(error);
    for (const id of [...this.#running.keys()]) this.#cancelled(id, error);
  }

  maySend(): boolean {
    return true;
  }

  queue(waiting: Waiting): void {
    try {
      waiting.send();
    } catch (error) {
      waiting.fail(asBusError(error, 'ERR_UNENCODABLE'));
    }
  }

  cancel(_lane: string, id: number): void {
    this.#post([kind.cancel, id]);
  }

  settled(): void {
    // Nobody waits for a channel to be idle.
  }

  now(): number {
    return this.#options.clock.now();
  }

  answer(request: IncomingRequest<number>, body: unknown): void {
    if (!isAnswerBody(body)) throw new BusError('ERR_STATE', 'This is no answer of a remote call.');
    const sent = this.#options.send([kind.answer, Number(request.id), body]);
    this.#running.delete(Number(request.id));
    sent.catch((error: unknown) => {
      request.unsent();
      this.answerFailure(request, failureOf(error));
    });
  }

  answerFailure({ id }: IncomingRequest<number>, failure: ReturnType<typeof failureOf>): void {
    this.#running.delete(Number(id));
    this.#post([kind.answer, Number(id), [false, failure.code, failure.message]]);
  }

  #called(id: number, call: CallBody, timeoutMs = Number.POSITIVE_INFINITY): void {
    const request = new IncomingRequest<number>(this, '', id, this.now() + timeoutMs);
    this.#running.set(id, request);
    request.run(() => this.#options.answer(call, request), reported);
  }

  #cancelled(id: number, reason: BusError): void {
    this.#running.get(id)?.cancel(reason);
    this.#running.delete(id);
  }

  /** For frames nobody waits for; if the way is gone, so is whoever they were for. */
  #post(frame: CallFrame): void {
    this.#options.send(frame).catch(() => undefined);
  }
}
