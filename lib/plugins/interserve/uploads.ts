import type { Lane, LaneRequestContext } from '../../bus/plugin.ts';
import { type Answer, type AskMessage, answerOf, answerOfError } from './control.ts';
import { Intake } from './intake.ts';
import { asTransferError, transferError } from './outcomes.ts';
import type { ServerCore } from './server-core.ts';
import type { Turn } from './slots.ts';
import type { Transfer } from './transfer.ts';

/** Client to server: decides on asks, tells where to upload, and answers when the receiver took it. */
export class Uploads {
  readonly #core: ServerCore;
  readonly #lane: Lane;

  constructor(core: ServerCore, lane: Lane) {
    this.#core = core;
    this.#lane = lane;
  }

  /** Resolves when the transfer is over; never rejects. */
  async ask({ transfer: number, content }: AskMessage, { peer, signal }: LaneRequestContext): Promise<Answer> {
    const { registry, receivers, quota } = this.#core;
    let transfer: Transfer;
    let release: () => void;
    try {
      const limit = registry.sizeOf(content.id);
      if (limit === undefined || !receivers.has(content.id)) throw transferError('unknown');
      if ((content.size ?? 0) > limit) throw transferError('large');
      release = quota.ask(content.size ?? limit, peer);
      try {
        transfer = this.#core.begin('up', number, content, peer);
      } catch (error) {
        release();
        throw error;
      }
    } catch (error) {
      this.#core.refused('up', content.id, peer, asTransferError(error));
      return answerOfError(error);
    }
    const cancelled = () => transfer.fail(transferError('aborted'));
    signal.addEventListener('abort', cancelled, { once: true, signal: transfer.signal });
    let turn: Turn | undefined;
    transfer.open();
    try {
      await Promise.race([this.#shake(transfer), transfer.ended]);
      turn = this.#core.slots.take(peer);
      await Promise.race([turn.granted, transfer.ended]);
      transfer.onComplete = turn.release;
      transfer.open();
      await this.#lane.send(peer, { op: 'place', transfer: number, place: this.#core.placeOf(transfer) });
      return answerOf(await transfer.ended);
    } catch (error) {
      const failure = asTransferError(error);
      transfer.fail(failure);
      return answerOfError(failure);
    } finally {
      turn?.release();
      release();
    }
  }

  /** The receiving end of an upload. Throws where nobody receives any more, or what a path function throws. */
  openIntake(transfer: Transfer): Intake {
    const { content, account } = transfer;
    const sink = this.#core.receivers.sink({ ...content, sha256: undefined }, account.peer);
    if (sink === undefined) throw transferError('unknown');
    return new Intake(sink, content.size, this.#core.registry.sizeOf(content.id) ?? 0);
  }

  async #shake({ content, account }: Transfer): Promise<void> {
    const handshake = this.#core.registry.handshakeOf(content.id);
    if (handshake !== undefined && (await handshake(account.peer, content.size)) !== true)
      throw transferError('refused');
  }
}
