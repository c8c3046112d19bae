import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import { sleep, withinTime } from '../../base/wait.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { type Body, type BodySettings, type End, startBody } from './body.ts';
import type { DownReason, FleetProcess } from './fleet-process.ts';
import type { HubEnd } from './hub-end.ts';

/** How long one whose client has closed may take to end by itself. */
const lastMs = 500;
/** How long after its link that it has ended may be told. */
const endToldMs = 250;

/** A process, or thread, of a group from its start to its end. */
export class Worker {
  readonly body: Body;
  /** Resolves when it is ready; rejects with `ERR_SPAWN`. */
  readonly ready: Promise<void>;
  /** Resolves once it has ended, with what was told about that. */
  readonly over: Promise<End>;
  upSince: number | undefined;
  peer: PeerHandle | undefined;
  /** Why it ends, or has ended. */
  reason: DownReason = 'died';
  readonly #name: string;
  readonly #hub: HubEnd;
  readonly #clock: Clock;
  readonly #settings: BodySettings['settings'];
  #ending: Promise<unknown> | undefined;
  #end: End | undefined;

  /** @throws BusError `ERR_SPAWN` where the file does not exist, or the system gives no process. */
  constructor(given: BodySettings, hub: HubEnd) {
    const { settings, number, clock } = given;
    this.#name = `${settings.name} ${number}`;
    this.#settings = settings;
    this.#hub = hub;
    this.#clock = clock;
    this.body = startBody(given);
    this.over = this.body.ended.then((end) => {
      this.#end = end;
      return end;
    });
    this.ready = this.#getReady();
    this.ready.catch(() => {});
  }

  get state(): FleetProcess['state'] {
    if (this.#end !== undefined) return 'stopped';
    if (this.#ending !== undefined) return 'draining';
    return this.upSince === undefined ? 'starting' : 'up';
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Has it end in order, within `stopTimeoutMs`: it is asked for more by each step. Resolves once it has ended. */
  async leave(reason: DownReason): Promise<void> {
    if (this.#ending === undefined && this.#end === undefined) {
      this.reason = reason;
      this.#ending = this.#leave();
    }
    await this.over;
  }

  async #getReady(): Promise<void> {
    const { readyTimeoutMs, ready } = this.#settings;
    const endsAt = this.#clock.now() + readyTimeoutMs;
    const left = (): number => Math.max(1, endsAt - this.#clock.now());
    const over = this.over.then(({ how }) => Promise.reject(this.#unready(how)));
    over.catch(() => {});
    try {
      const came = this.#hub.expect(this.body.link, readyTimeoutMs);
      came.catch(() => {});
      const { peer, left: gone } = await Promise.race([came, over]);
      this.peer = peer;
      const parted = gone.then(() => {
        this.#isLeft();
        return withinTime(this.#clock, endToldMs, this.over).then(() => Promise.reject(new BusError('ERR_CLOSED')));
      });
      parted.catch(() => {});
      const said = ready === 'signal' ? this.#hub.whenSignalled(peer, left()) : this.#hub.whenReady(peer, left());
      said.catch(() => {});
      await Promise.race([over, parted, said]);
      this.upSince = Date.now();
    } catch (error) {
      // That it ends is learned of its link first.
      await withinTime(this.#clock, endToldMs, this.over);
      if (this.#end !== undefined) throw this.#unready(this.#end.how, error);
      void this.leave('not-ready');
      throw this.#unready(`was not ready: ${textOf(error)}`, error);
    }
  }

  #unready(how: string, cause?: unknown): BusError {
    const when = this.#end === undefined ? '' : ' before it was ready';
    return new BusError('ERR_SPAWN', `${this.#name} ${how}${when}`, { cause });
  }

  /** Its client has gone, and it is nothing without. */
  #isLeft(): void {
    this.peer = undefined;
    if (this.upSince !== undefined && this.#ending === undefined) this.#ending = this.#part();
  }

  async #leave(): Promise<void> {
    const { stopTimeoutMs } = this.#settings;
    const killer = this.#clock.setTimer(() => this.body.kill(), stopTimeoutMs);
    void this.over.then(() => killer.cancel());
    const { peer } = this;
    if (peer === undefined) {
      this.body.ask();
      return;
    }
    const half = stopTimeoutMs / 2;
    const closed = this.#hub
      .drain(peer, half)
      .catch(() => {})
      .then(() => peer.close('The fleet ends this process'));
    await withinTime(this.#clock, half, Promise.race([closed, this.over]));
    await withinTime(this.#clock, Math.min(lastMs, half), this.over);
    if (this.#end === undefined) this.body.ask();
  }

  /** As `#leave`, of one that has closed its client. */
  async #part(): Promise<void> {
    const { stopTimeoutMs } = this.#settings;
    await withinTime(this.#clock, Math.min(lastMs, stopTimeoutMs / 2), this.over);
    if (this.#end !== undefined) return;
    this.body.ask();
    const gone = new AbortController();
    void this.over.then(() => gone.abort());
    await sleep(this.#clock, stopTimeoutMs, gone.signal).then(
      () => this.body.kill(),
      () => {},
    );
  }
}
