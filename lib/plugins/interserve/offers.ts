import { onAbort } from '../../base/wait.ts';
import type { Lane, PeerHandle } from '../../bus/plugin.ts';
import { asTransferError, failureOf, transferError } from './outcomes.ts';
import { type Content, readAnswer, reasonOf } from './control.ts';
import { type Progress, TransferHandle } from './handle.ts';
import type { Receipt } from './intake.ts';
import { Meter } from './meter.ts';
import { payloadOf } from './payload/open-payload.ts';
import type { Payload } from './payload/payload.ts';
import type { ServerCore } from './server-core.ts';
import type { Transfer } from './transfer.ts';

/** One `send`, `broadcast` or `omit`: the same payload to each of its peers. */
interface Opened {
  readonly payload: Payload;
  /** As of a `Charge`. */
  readonly reach: (bytes: number) => void;
}

interface Sending {
  readonly id: string;
  readonly opened: Promise<Opened>;
  readonly abort: AbortSignal;
  progress(progress: Progress): void;
}

/** Server to client: offers content over the lane, which the clients then fetch. */
export class Offers {
  readonly #core: ServerCore;
  readonly #lane: Lane;
  #numbers = 0;

  constructor(core: ServerCore, lane: Lane) {
    this.#core = core;
    this.#lane = lane;
  }

  /**
   * Offers `data` to `peers`. `receiptOf` makes the handle's one receipt from those of the peers.
   * @throws BusError `ERR_INVALID_ARGUMENT` for data that cannot be sent.
   */
  send<Result>(
    id: string,
    data: unknown,
    peers: readonly PeerHandle[],
    receiptOf: (receipts: readonly Promise<Receipt>[]) => Promise<Result>,
  ): TransferHandle<Result> {
    const limit = this.#core.registry.sizeOf(id);
    const open = payloadOf(data, limit ?? 0);
    const abort = new AbortController();
    const opened = this.#open(open, limit, peers.length);
    opened.catch(() => {});
    const sending: Sending = {
      id,
      opened,
      abort: abort.signal,
      progress: (progress) => void handle.emit('progress', progress),
    };
    const receipts = new Map(peers.map((peer) => [peer, this.#toPeer(sending, peer)]));
    void Promise.allSettled([sending.opened, ...receipts.values()]).then(async () => {
      const open = await opened.catch(() => undefined);
      open?.release();
      await open?.payload.close().catch(() => {});
    });
    const all = [...receipts.values()];
    const stop = (): void => abort.abort(transferError('aborted'));
    const handle = new TransferHandle(receipts, receiptOf(all), stop, (error) => this.#core.report(error));
    return handle;
  }

  async #open(
    open: () => Promise<Payload>,
    limit: number | undefined,
    peers: number,
  ): Promise<Opened & { release: () => void }> {
    const payload = await open();
    try {
      if (limit === undefined) throw transferError('unknown');
      if ((payload.size ?? 0) > limit) throw transferError('large');
      const { reach, release } = this.#core.quota.charge(payload.size, peers);
      return { payload, reach, release };
    } catch (error) {
      await payload.close();
      throw error;
    }
  }

  async #toPeer(sending: Sending, peer: PeerHandle): Promise<Receipt> {
    const { id, opened, abort } = sending;
    let transfer: Transfer;
    let payload: Payload;
    let reach: (bytes: number) => void;
    try {
      ({ payload, reach } = await opened);
      abort.throwIfAborted();
      const content = { id, kind: payload.kind, size: payload.size, name: payload.name };
      transfer = this.#core.begin('down', ++this.#numbers, content, peer);
    } catch (error) {
      const failure = asTransferError(error);
      this.#core.refused('down', id, peer, failure);
      throw failure;
    }
    // One signal may be that of many transfers.
    const heed = onAbort(abort, () => transfer.fail(asTransferError(abort.reason)));
    onAbort(transfer.signal, heed);
    transfer.open();
    const turn = this.#core.slots.take(peer);
    try {
      await Promise.race([turn.granted, transfer.ended]);
      this.#prepare(sending, transfer, payload, reach, () => turn.release());
      await this.#offer(transfer);
      return await transfer.ended;
    } finally {
      turn.release();
    }
  }

  #prepare(
    sending: Sending,
    transfer: Transfer,
    payload: Payload,
    reach: (bytes: number) => void,
    release: () => void,
  ): void {
    const { peer } = transfer.account;
    const meter = new Meter(this.#core.clock, (bytes, rate) =>
      sending.progress({ peer, bytes, total: payload.size, rate }),
    );
    let told = false;
    transfer.payload = payload;
    const known = payload.size !== undefined;
    transfer.onMoved = (bytes) => {
      meter.moved(bytes, bytes === payload.size);
      try {
        if (!known) reach(bytes);
      } catch (error) {
        transfer.fail(asTransferError(error));
      }
    };
    transfer.onComplete = release;
    transfer.onRead = () => {
      if (told) return;
      told = true;
      void this.#tellDigest(transfer, payload);
    };
  }

  async #tellDigest(transfer: Transfer, payload: Payload): Promise<void> {
    try {
      const sha256 = await payload.fingerprint.of(payload);
      if (transfer.over) return;
      const digest = { sha256, bytes: payload.size ?? 0 };
      this.#core.tell(transfer.account.peer, { op: 'digest', way: 'down', transfer: transfer.number, digest });
    } catch (error) {
      transfer.fail(asTransferError(error));
    }
  }

  /** Announces the transfer and settles it with the answer; one that ends otherwise is called off at the other side. */
  async #offer(transfer: Transfer): Promise<void> {
    const { peer } = transfer.account;
    const { number, content } = transfer;
    const cancel = new AbortController();
    let answered = false;
    transfer.open();
    this.#lane
      .request(peer, offerOf(number, content, this.#core.placeOf(transfer)), { timeout: 0, signal: cancel.signal })
      .then(async (answer) => {
        answered = true;
        const receipt = readAnswer(answer);
        const { payload } = transfer;
        if (payload === undefined || receipt.sha256 !== (await payload.fingerprint.of(payload))) {
          throw transferError('mismatch');
        }
        transfer.take(receipt);
      })
      .catch((error: unknown) => {
        answered = true;
        transfer.fail(asTransferError(error));
      });
    try {
      await transfer.ended;
    } catch (error) {
      if (!answered && failureOf(error) !== 'left') {
        this.#core.tell(peer, { op: 'stop', way: 'down', transfer: number, ...reasonOf(error) });
      }
      throw error;
    } finally {
      cancel.abort();
    }
  }
}

function offerOf(transfer: number, content: Content, place: ReturnType<ServerCore['placeOf']>) {
  return { op: 'offer', transfer, content, place } as const;
}
