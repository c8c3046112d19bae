import { BusError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';
import type { Call } from './call.ts';
import { handOver } from './hand-over.ts';
import type { Participant } from './participant.ts';
import { unbegun } from './protocol.ts';
import type { HubService, ServiceHost } from './hub-service.ts';
import { WaitingCalls, WaitingRoom } from './waiting-calls.ts';

interface Provider {
  readonly participant: Participant;
  readonly concurrency: number;
  open: number;
  /** It handed a call back: it gets no other. */
  isOut: boolean;
}

/** A service without keys: a call goes to the member with the fewest open calls. */
export class Pool implements HubService {
  readonly name: string;
  readonly how = 'calls';
  readonly #host: ServiceHost;
  readonly #waiting: WaitingCalls;
  #providers: Provider[] = [];
  /** The next among equals: the one after the last one that was chosen. */
  #turn = 0;

  constructor(name: string, host: ServiceHost) {
    this.name = name;
    this.#host = host;
    this.#waiting = new WaitingCalls(new WaitingRoom(host), host.clock, host.limits.waitMs);
  }

  get isUsed(): boolean {
    return this.#providers.length > 0 || this.#waiting.size > 0;
  }

  add(participant: Participant, concurrency: number): void {
    this.#providers = [...this.#providers, { participant, concurrency, open: 0, isOut: false }];
    this.changed();
  }

  remove(participant: Participant): void {
    this.#providers = this.#providers.filter((provider) => provider.participant !== participant);
    this.changed();
  }

  changed(): void {
    this.#waiting.member(this.#providers.some(isIn));
    this.#pump();
  }

  take(call: Call, again = false): void {
    const provider = this.#waiting.size > 0 ? undefined : this.#pick();
    if (provider === undefined) this.#waiting.add(call, again);
    else this.#give(call, provider);
  }

  withdraw(participant: Participant): Promise<void> {
    this.remove(participant);
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(error: BusError): void {
    this.#waiting.fail(error);
  }

  /** The one with the fewest calls among those who have time; one without a link only if there is no other. */
  #pick(): Provider | undefined {
    const providers = this.#providers;
    let best: Provider | undefined;
    let next = this.#turn;
    for (let nth = 0; nth < providers.length; nth += 1) {
      const at = (this.#turn + nth) % providers.length;
      const provider = providers[at];
      if (provider === undefined || !isIn(provider) || provider.open >= provider.concurrency) continue;
      if (best !== undefined && !isBefore(provider, best)) continue;
      best = provider;
      next = at + 1;
    }
    this.#turn = next;
    return best;
  }

  #give(call: Call, provider: Provider): void {
    provider.open += 1;
    handOver(call, provider.participant, 0, (isCurrent, failure) => {
      provider.open -= 1;
      if (isCurrent && failure !== undefined) this.#failed(call, provider, failure.error);
      if (this.#waiting.size > 0) this.#pump();
    });
  }

  #failed(call: Call, provider: Provider, error: unknown): void {
    const isBack = codeOf(error) === unbegun;
    if (isBack) {
      provider.isOut = true;
      this.#waiting.member(this.#providers.some(isIn));
    }
    const isLost = provider.participant.isGone && lostCodes.has(codeOf(error));
    if (isBack ? call.mayGoOn() : call.idempotent && isLost) this.#host.again(call);
    else if (isBack || isLost) call.reject(new BusError('ERR_SESSION_LOST', 'The member that had this call is gone'));
    else call.reject(error);
  }

  #pump(): void {
    while (this.#waiting.size > 0) {
      const provider = this.#pick();
      const call = provider === undefined ? undefined : this.#waiting.shift();
      if (provider === undefined || call === undefined) return;
      this.#give(call, provider);
    }
  }
}

/** What the bus rejects with that a member cannot answer any more. */
const lostCodes: ReadonlySet<unknown> = new Set(['ERR_CLOSED', 'ERR_SESSION_LOST', 'ERR_DESTROYED']);

function isIn({ isOut, participant }: Provider): boolean {
  return !isOut && !participant.isDraining;
}

function isBefore(one: Provider, other: Provider): boolean {
  if (one.participant.isUp !== other.participant.isUp) return one.participant.isUp;
  return one.open < other.open;
}
