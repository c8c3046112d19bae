import { dataSize } from '../../../base/data-size.ts';
import { BusError } from '../../../base/errors.ts';
import { travels } from '../../rpc/internal.ts';
import type { KeyHost, Owner } from './owner.ts';

/** What the last owner of a key left for the next one. */
export class KeptState {
  readonly #host: KeyHost;
  #state: unknown;
  #bytes: number | undefined;

  constructor(host: KeyHost) {
    this.#host = host;
  }

  get state(): unknown {
    return this.#state;
  }

  get isKept(): boolean {
    return this.#bytes !== undefined;
  }

  /** Instead of what was kept; false where there is no room for it. */
  keep(state: unknown): boolean {
    this.drop();
    if (state === undefined) return true;
    const bytes = dataSize(state);
    if (!this.#host.room.fits(bytes)) return false;
    this.#host.room.bytes += bytes;
    this.#state = state;
    this.#bytes = bytes;
    return true;
  }

  drop(): void {
    this.#host.room.bytes -= this.#bytes ?? 0;
    this.#state = undefined;
    this.#bytes = undefined;
  }

  /** Has an owner close the key, and keeps the state that it leaves; `drops`: it does not. */
  async takeFrom(owner: Owner, key: string, epoch: number, drops: boolean): Promise<void> {
    const { host, service } = this.#host;
    const { participant } = owner;
    try {
      const state = await participant.reach.close(service, key, epoch, host.limits.closeMs);
      if (!travels(state)) throw new BusError('ERR_UNENCODABLE', 'The state of a key is data');
      if (drops || this.keep(state)) return;
      const text = `There is no room for the state of key "${key}" of "${service}"`;
      host.report(new BusError('ERR_QUEUE_FULL', text), participant);
    } catch (error) {
      if (owner.isGone) return;
      const text = `The state of key "${key}" of "${service}" is lost`;
      host.report(new BusError('ERR_REMOTE', text, { cause: error }), participant);
      participant.reach.lost(service, key, epoch);
    }
  }
}
