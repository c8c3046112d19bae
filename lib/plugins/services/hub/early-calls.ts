import { BusError } from '../../../base/errors.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';

const mostCalls = 1_000;

/** What clients call in a new session before they have joined in it: it waits for that. */
export class EarlyCalls {
  readonly #calls = new Map<PeerHandle, { run(): void; fail(error: BusError): void }[]>();

  /** Settles as `call` does, which is run once the client has joined. Rejects with `ERR_QUEUE_FULL`. */
  add(peer: PeerHandle, call: () => unknown): Promise<unknown> {
    const calls = this.#calls.get(peer) ?? [];
    this.#calls.set(peer, calls);
    if (calls.length >= mostCalls) {
      return Promise.reject(new BusError('ERR_QUEUE_FULL', `${mostCalls} calls wait for this client to join`));
    }
    return new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(call());
        } catch (error) {
          reject(error);
        }
      };
      calls.push({ run, fail: reject });
    });
  }

  joined(peer: PeerHandle): void {
    for (const { run } of this.#take(peer)) run();
  }

  /** The client does not become a member, or is gone. */
  fail(peer: PeerHandle, error: BusError): void {
    for (const { fail } of this.#take(peer)) fail(error);
  }

  #take(peer: PeerHandle): { run(): void; fail(error: BusError): void }[] {
    const calls = this.#calls.get(peer) ?? [];
    this.#calls.delete(peer);
    return calls;
  }
}
