import type { LaneRequestContext } from '../../bus/plugin.ts';
import type { BusError } from '../../base/errors.ts';
import type { ClientCore } from './client-core.ts';
import { type Answer, answerOf, answerOfError, type OfferMessage } from './control.ts';
import { fetchBody } from './http/fetch-body.ts';
import { persist } from './http/persist.ts';
import { type Digest, Intake, type Receipt } from './intake.ts';
import { asTransferError, failureOf, transferError } from './outcomes.ts';
import { responseMs, untilAborted, untilLate, untilSettled } from './until-aborted.ts';

interface Fetch {
  readonly intake: Intake;
  readonly over: AbortController;
  /** Settles with the fetch. */
  readonly done: Promise<Receipt>;
}

/** Server to client, at the client: fetches what is offered and hands it to the receiver. */
export class Fetches {
  readonly #core: ClientCore;
  readonly #active = new Map<number, Fetch>();

  constructor(core: ClientCore) {
    this.#core = core;
  }

  /** Resolves when the fetch is over; never rejects. */
  async offered({ transfer, content, place }: OfferMessage, { peer, signal }: LaneRequestContext): Promise<Answer> {
    const { receivers, options, around } = this.#core;
    const startedAt = around.clock.now();
    let intake: Intake | undefined;
    try {
      if ((content.size ?? 0) > options.size) throw transferError('large');
      if (this.#active.has(transfer)) throw transferError('malformed', 'The number of this transfer is in use');
      const sink = receivers.sink({ ...content, sha256: undefined }, peer);
      if (sink === undefined) throw transferError('unknown');
      this.#core.profile.started({ id: content.id, way: 'down', peer: peer.id, size: content.size });
      intake = new Intake(sink, content.size, options.size);
      const over = new AbortController();
      const done = this.#fetch(intake, over.signal, place);
      const cancelled = () => this.#stopLate({ over, done }, transferError('aborted'));
      signal.addEventListener('abort', cancelled, { once: true });
      try {
        this.#active.set(transfer, { intake, over, done });
        const receipt = await done;
        this.#core.ended('down', content.id, startedAt, receipt, receipt.bytes, receipt.resumed);
        return answerOf(receipt);
      } finally {
        signal.removeEventListener('abort', cancelled);
        this.#active.delete(transfer);
      }
    } catch (error) {
      const failure = asTransferError(error);
      await intake?.fail(failure).catch((failed: unknown) => around.report(failed));
      this.#core.ended('down', content.id, startedAt, failure, intake?.bytes ?? 0, intake?.resumed ?? 0);
      return answerOfError(failure);
    }
  }

  digest(transfer: number, digest: Digest): void {
    this.#active.get(transfer)?.intake.expect(digest);
  }

  stop(transfer: number, error: BusError): void {
    const fetch = this.#active.get(transfer);
    if (fetch === undefined) return;
    // An interrupt is answered to the request as well, with headers.
    if (failureOf(error) !== 'interrupted') fetch.over.abort(error);
    else this.#stopLate(fetch, error);
  }

  /** Leaves time for what says more: the response to the request, or the stop that a cancellation follows. */
  #stopLate({ over, done }: Pick<Fetch, 'over' | 'done'>, error: BusError): void {
    void untilSettled(this.#core.around.clock, responseMs, done).then(() => over.abort(error));
  }

  stopAll(error: BusError): void {
    for (const { over } of this.#active.values()) over.abort(error);
  }

  async #fetch(intake: Intake, signal: AbortSignal, place: OfferMessage['place']): Promise<Receipt> {
    const { caller, clock, random } = this.#core.around;
    const { timeoutMs } = this.#core;
    await persist({ clock, random, signal, timeoutMs }, (attempt) => fetchBody(caller, place, intake, attempt));
    // The sender's digest follows the last byte closely or never.
    await untilLate({ clock, signal, timeoutMs }, intake.announced, transferError('stalled'));
    return untilAborted(signal, intake.finish());
  }
}
