import { BusError } from '../../../base/errors.ts';
import type { Lane, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import type { FailureOutlet } from '../event-source.ts';
import { serverClientId } from '../gateway-event.ts';
import { type EventFrame, type LostFrame, readEvent, type WorkerNote, type WorkerRequest } from './worker-protocol.ts';

/** What each of the two remote servers hears. */
export interface WorkerClientEvents {
  /** A session began or restarts: the gateway knows nothing of this worker. */
  started(): void;
  /** The session is over, and with it everything that the gateway gave to this worker. */
  ended(): void;
  /** An event of the gateway's server of this kind, or of any request or client. */
  event(frame: EventFrame): void;
  /** Requests and clients whose ids begin with this are gone, with their node. */
  lost(prefix: string): void;
  /** The plugin was disposed: no event follows. */
  disposed(): void;
}

/** What calls fail with when the session ends. */
const endings: ReadonlySet<string> = new Set(['ERR_STATE', 'ERR_CLOSED', 'ERR_DESTROYED', 'ERR_SESSION_LOST']);

/**
 * A worker's end of the worker protocol. It reports how many frames were begun one turn before their handlers run, so that
 * the gateway of a killed worker knows everything that a handler may have seen.
 */
export class WorkerClient implements FailureOutlet {
  readonly #host: PluginHost;
  readonly #lane: Lane;
  readonly #servers = new Map<'http' | 'websocket', WorkerClientEvents>();
  /** Undefined while there is no session. */
  #peer: PeerHandle | undefined;
  #saidOver = false;
  #waiting: (EventFrame | LostFrame | undefined)[] = [];
  #begun = 0;
  #scheduled = false;
  /** Counts the sessions, to tell the frames of the present one from older ones. */
  #session = 0;

  constructor(host: PluginHost) {
    this.#host = host;
    this.#lane = host.lane({ message: (data) => this.#receive(data) });
    for (const peer of host.peers) this.#peer = peer;
    host.onConnect((peer) => {
      this.#peer = peer;
      this.#saidOver = false;
      this.#reset();
      for (const server of this.#servers.values()) server.started();
    });
    host.onDisconnect(() => {
      this.#peer = undefined;
      this.#reset();
      for (const server of this.#servers.values()) server.ended();
    });
  }

  /** Sets who learns of the gateway's server of this kind. */
  attach(kind: 'http' | 'websocket', events: WorkerClientEvents): void {
    this.#servers.set(kind, events);
    if (this.open) events.started();
  }

  dispose(): void {
    for (const server of this.#servers.values()) server.disposed();
  }

  get open(): boolean {
    return this.#peer !== undefined;
  }

  /** Resolves when the session accepted the note. Rejects with `ERR_STATE` without a session. */
  send(note: WorkerNote): Promise<void> {
    return this.#peer === undefined ? Promise.reject(noPeer()) : this.#lane.send(this.#peer, note);
  }

  /** Sends a note if there is a session; a failure is reported. */
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

  /** Tells the gateway that handlers have finished with `bytes`, at once or when `handled` has settled. */
  took(id: string, bytes: number, handled: void | Promise<void>): void {
    if (handled === undefined) this.post(['took', id, bytes]);
    else void handled.then(() => this.post(['took', id, bytes]));
  }

  /** `patient`: no timeout, since the gateway answers when the client that it waits for left. */
  async request(frame: WorkerRequest, patient = false): Promise<unknown> {
    if (this.#peer === undefined) throw noPeer();
    return this.#lane.request(this.#peer, frame, patient ? { timeout: 0 } : {});
  }

  /**
   * Whether this failure of a handler repeats that the session is over. Every handler that sends afterwards fails so, and
   * one of these failures is reported.
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
      for (const server of this.#servers.values()) server.ended();
      for (const server of this.#servers.values()) server.started();
      return;
    }
    // A frame that this worker does not know counts as begun too.
    this.#waiting.push(readEvent(data));
    if (this.#scheduled) return;
    this.#scheduled = true;
    const session = this.#session;
    this.#host.clock.defer(() => this.#begin(session));
  }

  #tell(frame: EventFrame | LostFrame): void {
    for (const [kind, server] of this.#servers) {
      if (frame[0] === 'lost') server.lost(`${frame[1]}/`);
      else if (frame[1] !== serverClientId || frame[3] === kind) server.event(frame);
    }
  }

  /** Each session counts from 0. */
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
      for (const frame of frames) if (frame !== undefined) this.#tell(frame);
      if (this.#waiting.length > 0 && !this.#scheduled) {
        this.#scheduled = true;
        this.#begin(session);
      }
    });
  }
}

function noPeer(): BusError {
  return new BusError('ERR_STATE', 'The worker is not connected to its gateway');
}
