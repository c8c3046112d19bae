import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { type AskOptions, MessageRequests } from '../../bus/plugin.ts';
import type { CallRequest } from './call-context.ts';
import { type CallTransport, settingsOf } from './call-transport.ts';
import { type AnswerBody, type CallBody, type CallFrame, isAnswerBody, kind, type RpcFrame } from './frame.ts';

export interface ChannelTransportOptions {
  readonly clock: Clock;
  readonly user: number;
  /** May throw what the encoder throws. */
  send(frame: RpcFrame | CallFrame): Promise<void>;
  answer(call: CallBody, request: CallRequest): AnswerBody | Promise<AnswerBody>;
  /** An answer came that nobody waits for any more. */
  unclaimed(answer: unknown): void;
}

/** Calls through a channel, which carries messages only. */
export class ChannelTransport implements CallTransport {
  readonly #options: ChannelTransportOptions;
  readonly #requests: MessageRequests<number>;

  constructor(options: ChannelTransportOptions) {
    const { clock, user, send, unclaimed } = options;
    this.#options = options;
    const carrier = {
      request: (id: number, data: unknown, timeoutMs: number | undefined) => {
        const call = data as CallBody;
        return send(timeoutMs === undefined ? [kind.call, id, call] : [kind.call, id, call, timeoutMs]);
      },
      answer: (id: number, body: unknown) => {
        if (!isAnswerBody(body)) throw new BusError('ERR_STATE', 'Not an answer of a remote call');
        return send([kind.answer, id, body]);
      },
      failure: (id: number, { code, message }: { readonly code: string; readonly message: string }) =>
        send([kind.answer, id, [false, code, message]]),
      cancel: (id: number) => send([kind.cancel, id]),
    };
    // Who answers has told of bugs.
    const report = (): void => undefined;
    this.#requests = new MessageRequests({ clock, peer: user, carrier, report, unclaimed });
  }

  ask(call: CallBody, ask: AskOptions): Promise<unknown> {
    return this.#requests.request(call, settingsOf(ask));
  }

  send(frame: RpcFrame): Promise<void> {
    return this.#options.send(frame);
  }

  receive(frame: CallFrame): void {
    const [type, id, body] = frame;
    if (type === kind.answer) this.#requests.answered(id, body);
    else if (type === kind.cancel) this.#requests.cancelled(id);
    else this.#requests.received(id, frame[3], (request) => this.#options.answer(body, request));
  }

  close(error: BusError): void {
    this.#requests.close(error);
  }
}
