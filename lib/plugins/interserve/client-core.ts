import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { BusError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { Lane, PeerHandle } from '../../bus/plugin.ts';
import type { Way } from './control.ts';
import { type Caller, EndpointError } from './http/caller.ts';
import type { Receipt } from './intake.ts';
import type { ClientOptions } from './options.ts';
import { failureOf, outcomes } from './outcomes.ts';
import { Profile, type TransferRecord } from './profile.ts';
import { Receivers } from './receivers.ts';
import { Slots } from './slots.ts';

/** Hears of transfers of an id that failed, both ways: the HTTP status, a sentence, and the headers if a response came. */
export type FailureCallback = (code: number, reason: string, headers: IncomingHttpHeaders | undefined) => unknown;

/** What the client's plugin is built around. */
export interface ClientSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly lane: Lane;
  readonly caller: Caller;
  /** The client itself, once it is ready. */
  ready(): Promise<PeerHandle>;
  onRecord(record: TransferRecord): void;
  report(error: unknown): void;
}

/** What fetches and pushes share on the client side. */
export class ClientCore {
  readonly options: ClientOptions;
  readonly around: ClientSurroundings;
  readonly receivers = new Receivers();
  readonly failures = new Map<string, FailureCallback>();
  readonly profile = new Profile('up');
  readonly slots: Slots;

  constructor(options: ClientOptions, around: ClientSurroundings) {
    this.options = options;
    this.around = around;
    this.slots = new Slots(options.transfers);
  }

  get timeoutMs(): number {
    return this.options.timeout * 1000;
  }

  /** Records the end of a transfer; a failure reaches the id's callback. */
  ended(way: Way, id: string, startedAt: number, result: Receipt | BusError, bytes: number, resumed: number): void {
    const outcome: TransferRecord['outcome'] = result instanceof Error ? failureOf(result) : 'taken';
    const { status } = outcomes[outcome];
    const durationMs = this.around.clock.now() - startedAt;
    const record: TransferRecord = { id, way, peer: undefined, bytes, durationMs, resumed, outcome, status };
    // A server may offer under any number of ids.
    if (way === 'up' || this.receivers.has(id)) this.profile.count(record);
    this.guard(() => this.profile.publish(record));
    this.guard(() => this.around.onRecord(record));
    if (result instanceof Error) this.#callFailure(id, result);
  }

  /** Runs listeners of the user's, whose errors are no transfer's. */
  guard(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.around.report(error);
    }
  }

  #callFailure(id: string, error: BusError): void {
    const callback = this.failures.get(id);
    if (callback === undefined) return;
    const status = statusOf(error) ?? outcomes[failureOf(error)].status;
    const headers = error instanceof EndpointError ? error.headers : undefined;
    try {
      Promise.resolve(callback(status, error.message, headers)).catch((failed: unknown) => this.around.report(failed));
    } catch (failed) {
      this.around.report(failed);
    }
  }
}

function statusOf({ details }: BusError): number | undefined {
  if (typeof details !== 'object' || details === null || !('status' in details)) return undefined;
  return typeof details.status === 'number' ? details.status : undefined;
}
