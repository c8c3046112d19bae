import type { Clock } from '../../base/clock.ts';
import { asBusError, type BusError } from '../../base/errors.ts';
import type { AskOptions } from '../../bus/ask-options.ts';
import { isThenable } from '../../bus/incoming.ts';
import { type QuestionCarrier, Questions } from '../../bus/questions.ts';
import type { Waiting } from '../../session/waiting.ts';
import type { CallLine } from './call-line.ts';
import { failureOf } from './failure.ts';
import { type AnswerBody, type CallBody, type CallFrame, kind, type RpcFrame } from './frame.ts';

export interface FramedCallsOptions {
  readonly clock: Clock;
  /** May throw what the encoder throws. */
  send(frame: RpcFrame | CallFrame): Promise<void>;
  answer(call: CallBody): AnswerBody | Promise<AnswerBody>;
}

/** Questions and answers over a channel, which knows messages only. */
export class FramedCalls implements CallLine, QuestionCarrier {
  readonly #options: FramedCallsOptions;
  readonly #questions: Questions;
  /** Calls of the other side's that are being answered. */
  readonly #running = new Set<number>();

  constructor(options: FramedCallsOptions) {
    this.#options = options;
    this.#questions = new Questions(options.clock, this);
  }

  ask(call: CallBody, ask: AskOptions): Promise<unknown> {
    return this.#questions.ask('', ask, (id) => {
      this.#options.send([kind.call, id, call]).catch((error: unknown) => this.#questions.failed(id, failureOf(error)));
    });
  }

  send(frame: RpcFrame): Promise<void> {
    return this.#options.send(frame);
  }

  receive([type, id, body]: CallFrame): void {
    if (type === kind.answer) this.#questions.answered(id, body, '');
    else if (type === kind.cancel) this.#running.delete(id);
    else this.#called(id, body);
  }

  close(error: BusError): void {
    this.#questions.fail(error);
    this.#running.clear();
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

  #called(id: number, call: CallBody): void {
    this.#running.add(id);
    const answer = this.#options.answer(call);
    if (isThenable(answer)) void answer.then((body) => this.#answered(id, body));
    else this.#answered(id, answer);
  }

  #answered(id: number, body: AnswerBody): void {
    if (!this.#running.delete(id)) return;
    try {
      this.#options.send([kind.answer, id, body]).catch((error: unknown) => this.#unsent(id, error));
    } catch (error) {
      this.#unsent(id, error);
    }
  }

  /** The answer itself does not fit, or cannot be encoded: the caller hears that instead. */
  #unsent(id: number, error: unknown): void {
    const { code, message } = failureOf(error);
    this.#post([kind.answer, id, [false, code, message]]);
  }

  /** For frames nobody waits for; if the way is gone, so is whoever they were for. */
  #post(frame: CallFrame): void {
    this.#options.send(frame).catch(() => undefined);
  }
}
