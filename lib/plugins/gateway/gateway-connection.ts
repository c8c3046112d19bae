import { BusError } from '../../base/errors.ts';
import type { Lane, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import type { FailureOutlet } from './event-source.ts';
import { type EventFrame, readEvent, type WorkerNote, type WorkerRequest } from './worker-protocol.ts';

export interface GatewayConnectionEvents {
  /** A session began, or begins anew: the gateway knows nothing of this worker. */
  started(): void;
  /** The session is over, and all that the gateway gave to this worker is gone. */
  ended(): void;
  event(frame: EventFrame): void;
}

/** What waits, or is asked, fails with when the session ends. */
const endings: ReadonlySet<string> = new Set(['ERR_STATE', 'ERR_CLOSED', 'ERR_DESTROYED', 'ERR_SESSION_LOST']);

/**
 * A worker's way to its gateway and back. How many frames were begun is reported a turn before the handlers run, so that
 * when this process is killed the gateway knows of everything that a handler may have seen.
 */
export class GatewayConnection implements FailureOutlet {
  readonly #host: PluginHost;
  readonly #lane: Lane;
  #events: GatewayConnectionEvents | undefined;
  /** While there is a session. */
  #peer: PeerHandle | undefined;
  #saidOver = false;
  #waiting: (EventFrame | undefined)[] = [];
  #begun = 0;
  #scheduled = false;
  /** Counts the sessions; what waits belongs to one. */
  #session = 0;

  constructor(host: PluginHost) {
    this.#host = host;
    this.#lane = host.lane({ message: (data) => this.#receive(data) });
    for (const peer of host.peers) this.#peer = peer;
    host.onConnect((peer) => {
      this.#peer = peer;
      this.#saidOver = false;
      this.#reset();
      this.#events?.started();
    });
    host.onDisconnect(() => {
      this.#peer = undefined;
      this.#reset();
      this.#events?.ended();
    });
  }

  /** Says who hears what the gateway tells; to be called once. */
  attach(events: GatewayConnectionEvents): void {
    this.#events = events;
    if (this.open) events.started();
  }

  get open(): boolean {
    return this.#peer !== undefined;
  }

  /** Resolves when the session accepted it. Rejects `ERR_STATE` while there is none. */
  send(note: WorkerNote): Promise<void> {
    return this.#peer === undefined ? Promise.reject(noPeer()) : this.#lane.send(this.#peer, note);
  }

  /** Sends what nobody waits for. */
  post(note: WorkerNote): void {
    if (this.#peer === undefined) return;
    const peer = this.#peer;
    const failed = (error: unknown): void => {
      if (this.#peer === peer) this.#host.report(error);
    };
    try {
      if (!this.#lane.trySend(peer, note)) this.#lane.send(peer, note).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Says that the handlers are done with so many bytes, at once or when `handled` has settled. */
  took(id: string, bytes: number, handled: void | Promise<void>): void {
    if (handled === undefined) this.post(['took', id, bytes]);
    else void handled.then(() => this.post(['took', id, bytes]));
  }

  /** `patient` waits for a client that is behind, for as long as it is there; the gateway ends that wait. */
  async request(frame: WorkerRequest, patient = false): Promise<unknown> {
    if (this.#peer === undefined) throw noPeer();
    return this.#lane.request(this.#peer, frame, patient ? { timeout: 0 } : {});
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

  #receive(data: unknown): void {
    if (Array.isArray(data) && data[0] === 'expelled') {
      this.#reset();
      this.#events?.ended();
      this.#events?.started();
      return;
    }
    // What this worker does not know counts as begun too.
    this.#waiting.push(readEvent(data));
    if (this.#scheduled) return;
    this.#scheduled = true;
    const session = this.#session;
    this.#host.clock.defer(() => this.#begin(session));
  }

  /** A new session counts from nothing. */
  #reset(): void {
    this.#session += 1;
    this.#waiting = [];
    this.#begun = 0;
    this.#scheduled = false;
  }

  #begin(session: number): void {
    if (session !== this.#session) return;
    const frames = this.#waiting;
    this.#waiting = [];
    this.#begun += frames.length;
    this.post(['begun', this.#begun]);
    this.#host.clock.defer(() => {
      if (session !== this.#session) return;
      this.#scheduled = false;
      for (const frame of frames) if (frame !== undefined) this.#events?.event(frame);
      if (this.#waiting.length > 0 && !this.#scheduled) {
        this.#scheduled = true;
        this.#begin(session);
      }
    });
  }
}

function noPeer(): BusError {
  return new BusError('ERR_STATE', 'the worker is not connected to its gateway');
}
