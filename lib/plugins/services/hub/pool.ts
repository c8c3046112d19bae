import { BusError } from '../../../base/errors.ts';
import { codeOf } from '../../../base/thrown.ts';
import { travels } from '../../rpc/internal.ts';
import { unbegun } from '../protocol.ts';
import type { Call } from './call.ts';
import { handOver } from './hand-over.ts';
import type { HubService, ServiceHost } from './hub-service.ts';
import type { Participant } from './participant.ts';
import { WaitingCalls, WaitingRoom } from './waiting-calls.ts';

interface Provider {
  readonly participant: Participant;
  readonly concurrency: number;
  open: number;
  /** It handed a call back: it gets no other. */
  isOut: boolean;
}

/** A service without keys: its calls go to the member with the fewest calls, here or, if no member here has capacity, at another node. */
export class Pool implements HubService {
  readonly name: string;
  readonly how = 'calls';
  readonly #host: ServiceHost;
  readonly #waiting: WaitingCalls;
  #providers: Provider[] = [];
  /** Other nodes. */
  #nodes: Provider[] = [];
  /** Whose turn it is among members with equally many calls: the one after the last one chosen. */
  #turn = 0;

  constructor(name: string, host: ServiceHost) {
    this.name = name;
    this.#host = host;
    this.#waiting = new WaitingCalls(new WaitingRoom(host), host.clock, host.limits.waitMs);
  }

  get isUsed(): boolean {
    return this.#providers.length + this.#nodes.length > 0 || this.#waiting.size > 0;
  }

  get share(): number {
    return this.#providers.reduce((sum, provider) => (isIn(provider) ? sum + provider.concurrency : sum), 0);
  }

  /** The calls that there are here. */
  get load(): number {
    return this.#providers.reduce((sum, { open }) => sum + open, this.#waiting.size);
  }

  add(participant: Participant, concurrency: number): void {
    const open = this.#nodes.find((node) => node.participant === participant)?.open ?? 0;
    const provider = { participant, concurrency, open, isOut: false };
    if (!participant.isNode) this.#providers = [...this.#providers, provider];
    else this.#nodes = [...this.#nodes.filter((node) => node.participant !== participant), provider];
    this.changed();
  }

  remove(participant: Participant): void {
    this.#providers = this.#providers.filter((provider) => provider.participant !== participant);
    this.#nodes = this.#nodes.filter((provider) => provider.participant !== participant);
    this.changed();
  }

  changed(): void {
    this.#waiting.member(this.#providers.some(isIn) || this.#nodes.some(isIn));
    this.#pump();
  }

  take(call: Call, again = false): void {
    const provider = this.#waiting.size > 0 ? undefined : this.#for(call);
    if (provider !== undefined) this.#give(call, provider);
    // Where it came from somebody else may have it.
    else if (call.hops > 0 && !this.#providers.some(isIn)) call.reject(noneHere(this.name));
    else this.#waiting.add(call, again);
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

  /** Somebody here, or else the node that has the fewest calls for what it takes; what came from a node, and what lends something, stays here. */
  #for(call: Call): Provider | undefined {
    const own = this.#pick();
    if (own !== undefined || this.#nodes.length === 0 || call.hops > 0) return own;
    let best: Provider | undefined;
    for (const node of this.#nodes) {
      if (!isIn(node) || node.open >= node.concurrency) continue;
      if (best === undefined || this.#isBusier(best, node)) best = node;
    }
    return best !== undefined && travels(call.args) ? best : undefined;
  }

  #isBusier(one: Provider, other: Provider): boolean {
    if (one.participant.isUp !== other.participant.isUp) return other.participant.isUp;
    const busy = ({ open, concurrency, participant }: Provider): number =>
      Math.max(open, participant.reach.load(this.name)) / concurrency;
    return busy(one) > busy(other);
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
      this.#waiting.member(this.#providers.some(isIn) || this.#nodes.some(isIn));
    }
    const isLost = provider.participant.isGone && lostCodes.has(codeOf(error));
    if (isBack ? call.mayGoOn() : call.idempotent && isLost) this.#host.again(call);
    else if (isBack || isLost) call.reject(new BusError('ERR_SESSION_LOST', 'The member that had this call is gone'));
    else call.reject(error);
  }

  #pump(): void {
    for (let call = this.#waiting.first; call !== undefined; call = this.#waiting.first) {
      const provider = this.#for(call);
      const isNobodys = call.hops > 0 && !this.#providers.some(isIn);
      if (provider === undefined && !isNobodys) return;
      this.#waiting.drop(call);
      if (provider === undefined) call.reject(noneHere(this.name));
      else this.#give(call, provider);
    }
  }
}

/** What the bus rejects with that a member cannot answer any more. */
const lostCodes: ReadonlySet<unknown> = new Set(['ERR_CLOSED', 'ERR_SESSION_LOST', 'ERR_DESTROYED', 'ERR_NODE_LOST']);

function noneHere(service: string): BusError {
  return new BusError(unbegun, `Nobody here offers "${service}"`);
}

function isIn({ isOut, participant }: Provider): boolean {
  return !isOut && !participant.isDraining;
}

function isBefore(one: Provider, other: Provider): boolean {
  if (one.participant.isUp !== other.participant.isUp) return one.participant.isUp;
  return one.open < other.open;
}
