import { BusError } from '../../base/errors.ts';
import type { Lane, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import type { Ask, ToGateway } from './face-message.ts';

/** What waits, or is asked, fails with when the session ends. */
const endings: ReadonlySet<string> = new Set(['ERR_STATE', 'ERR_CLOSED', 'ERR_DESTROYED', 'ERR_SESSION_LOST']);

/** A worker's way to the gateway, while it is connected. */
export class GatewayLine {
  readonly #host: PluginHost;
  readonly #lane: Lane;
  /** Ends everything that waits when the session does. */
  #peer: PeerHandle | undefined;
  #saidOver = false;

  constructor(host: PluginHost, lane: Lane) {
    this.#host = host;
    this.#lane = lane;
    for (const peer of host.peers) this.#peer = peer;
  }

  get open(): boolean {
    return this.#peer !== undefined;
  }

  connected(peer: PeerHandle): void {
    this.#peer = peer;
    this.#saidOver = false;
  }

  disconnected(): void {
    this.#peer = undefined;
  }

  /** Resolves when the session accepted it. Rejects `ERR_STATE` while there is none. */
  send(frame: ToGateway): Promise<void> {
    return this.#peer === undefined ? Promise.reject(noPeer()) : this.#lane.send(this.#peer, frame);
  }

  /** Sends what nobody waits for. */
  post(frame: ToGateway): void {
    if (this.#peer === undefined) return;
    const peer = this.#peer;
    this.#lane.send(peer, frame).catch((error: unknown) => {
      if (this.#peer === peer) this.report(error);
    });
  }

  /** `patient` waits for a client that is behind, for as long as it is there; the gateway ends that wait. */
  async ask(question: Ask, patient = false): Promise<unknown> {
    const peer = this.#current();
    return this.#lane.request(peer, question, patient ? { timeout: 0 } : {});
  }

  /**
   * Whether this failure of a handler only says once more that the session is over: every handler that sends after that
   * fails so, and one is told of.
   */
  saidBefore(error: unknown): boolean {
    if (this.#peer !== undefined || !(error instanceof BusError) || !endings.has(error.code)) return false;
    const before = this.#saidOver;
    this.#saidOver = true;
    return before;
  }

  report(error: unknown): void {
    this.#host.report(error);
  }

  #current(): PeerHandle {
    if (this.#peer === undefined) throw noPeer();
    return this.#peer;
  }
}

function noPeer(): BusError {
  return new BusError('ERR_STATE', 'the worker is not connected to its gateway');
}
