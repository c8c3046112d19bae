import type { Asker } from './asker.ts';
import type { Lane, LaneRequestContext } from '../../bus/plugin.ts';
import { type Answer, type AskMessage, answerOf, answerOfError } from './control.ts';
import { Intake } from './intake.ts';
import { asTransferError, transferError } from './outcomes.ts';
import type { Charge } from './quota.ts';
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
    let transfer: Transfer | undefined;
    let charge: Charge;
    let granted: number | undefined;
    let whole = false;
    const asker: Asker = {
      peer,
      // Its receiver's time is no time of its own.
      sinceMs: () => (granted === undefined || whole ? undefined : this.#core.clock.now() - granted),
      arrived: () => transfer?.bytes ?? 0,
      callOff: () => transfer?.fail(transferError('stalled', 'It was too slow while others waited')),
    };
    try {
      const limit = registry.sizeOf(content.id);
      if (limit === undefined || !receivers.has(content.id)) throw transferError('unknown');
      if ((content.size ?? 0) > limit) throw transferError('large');
      charge = quota.ask(content.size, asker);
      try {
        transfer = this.#core.begin('up', number, content, peer);
      } catch (error) {
        charge.release();
        throw error;
      }
    } catch (error) {
      this.#core.refused('up', content.id, peer, asTransferError(error));
      return answerOfError(error);
    }
    const begun = transfer;
    const cancelled = () => begun.fail(transferError('aborted'));
    signal.addEventListener('abort', cancelled, { once: true, signal: begun.signal });
    begun.onMoved = (bytes) => {
      try {
        if (content.size === undefined) charge.reach(bytes);
      } catch (error) {
        begun.fail(asTransferError(error));
      }
    };
    let turn: Turn | undefined;
    transfer.open();
    try {
      await Promise.race([this.#shake(transfer), transfer.ended]);
      turn = this.#core.slots.take(peer, asker);
      await Promise.race([turn.granted, transfer.ended]);
      const { release } = turn;
      begun.onComplete = () => {
        whole = true;
        release();
      };
      granted = this.#core.clock.now();
      transfer.open();
      await this.#lane.send(peer, { op: 'place', transfer: number, place: this.#core.placeOf(transfer) });
      return answerOf(await transfer.ended);
    } catch (error) {
      const failure = asTransferError(error);
      transfer.fail(failure);
      return answerOfError(failure);
    } finally {
      turn?.release();
      charge.release();
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
