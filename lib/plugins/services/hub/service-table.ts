import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { Offering } from '../client/provisions.ts';
import { unbegun } from '../protocol.ts';
import type { HubLimits } from '../services-options.ts';
import type { Call } from './call.ts';
import { Epochs } from './epochs.ts';
import type { HubService, KeyNodes, ServiceHost } from './hub-service.ts';
import { KeySpace } from './key-space.ts';
import type { Participant } from './participant.ts';
import { Pool } from './pool.ts';
import { WaitingCalls, WaitingRoom } from './waiting-calls.ts';

/** The hubs of other nodes, which are notified of what is offered here. */
interface OtherNodes extends KeyNodes {
  changed(): void;
}

/** The services of all members by their names, and the calls to those that nobody offers. */
export class ServiceTable {
  readonly #host: ServiceHost & { closed: BusError | undefined; nodes: OtherNodes | undefined };
  readonly #services = new Map<string, HubService>();
  readonly #unoffered = new Map<string, WaitingCalls>();
  /** In use, of all services. */
  #keys = 0;
  readonly epochs: Epochs;

  constructor(clock: Clock, limits: HubLimits, report: ServiceHost['report']) {
    this.epochs = new Epochs(clock);
    this.#host = {
      clock,
      limits,
      closed: undefined,
      report,
      nodes: undefined,
      nextEpoch: () => this.epochs.next(),
      takeKey: () => {
        if (this.#keys >= limits.maxKeys) return false;
        this.#keys += 1;
        return true;
      },
      freeKey: () => void (this.#keys -= 1),
      again: (call) => this.route(call, true),
      unused: (name) => this.#release(name),
    };
  }

  /** Services that are offered, their keys in use, and calls that wait for a service. */
  counts(): { readonly services: number; readonly keys: number; readonly waitingCalls: number } {
    let waitingCalls = 0;
    for (const { size } of this.#unoffered.values()) waitingCalls += size;
    return { services: this.#services.size, keys: this.#keys, waitingCalls };
  }

  /** Other nodes have services too. To be said before there is one here. */
  spanOver(nodes: OtherNodes): void {
    this.#host.nodes = nodes;
  }

  /** @throws BusError for invalid offerings; nothing is changed. */
  check(offerings: readonly Offering[], participant?: Participant): void {
    const names = new Set(participant?.services);
    let added = 0;
    for (const [name, how] of offerings) {
      if (names.has(name)) throw new BusError('ERR_STATE', `This member offers "${name}" already`);
      names.add(name);
      const known = this.#services.get(name);
      if (known === undefined) added += 1;
      else if (known.how !== how) {
        throw new BusError('ERR_INVALID_ARGUMENT', `"${name}" is a service with ${known.how} elsewhere`);
      }
    }
    const { maxServices } = this.#host.limits;
    if (added > 0 && this.#services.size + added > maxServices) {
      throw new BusError('ERR_QUEUE_FULL', `There are ${maxServices} services already`);
    }
  }

  /** To be checked before. */
  add(participant: Participant, [name, how, share]: Offering): void {
    participant.services.add(name);
    let service = this.#services.get(name);
    if (service === undefined) {
      service = how === 'calls' ? new Pool(name, this.#host) : new KeySpace(name, this.#host);
      this.#services.set(name, service);
    }
    service.add(participant, share);
    this.#offersChanged();
    const waiting = this.#unoffered.get(name);
    this.#unoffered.delete(name);
    for (let call = waiting?.shift(); call !== undefined; call = waiting?.shift()) this.route(call);
  }

  /** The member is gone, and so is what it had. */
  remove(participant: Participant): void {
    for (const name of participant.services) {
      this.#services.get(name)?.remove(participant);
      this.#release(name);
    }
    this.#offersChanged();
  }

  /** The member offers a service no more. */
  async withdraw(participant: Participant, name: string): Promise<void> {
    if (!participant.services.delete(name))
      throw new BusError('ERR_NO_SERVICE', `This member does not offer "${name}"`);
    const moved = this.#services.get(name)?.withdraw(participant);
    this.#offersChanged();
    await moved;
    this.#release(name);
  }

  /** The link of a member, or whether it is draining, is another. */
  changed(participant: Participant): void {
    for (const name of participant.services) this.#services.get(name)?.changed();
    this.#offersChanged();
  }

  /** Has all that the member has go elsewhere. */
  async drain(participant: Participant): Promise<void> {
    await Promise.all(Array.from(participant.services, async (name) => this.#services.get(name)?.drain(participant)));
    await participant.whenIdle();
  }

  /** `again`: it had a member before. */
  route(call: Call, again = false): void {
    const service = this.#services.get(call.service);
    if (service === undefined && call.hops > 0)
      call.reject(new BusError(unbegun, `Nobody here offers "${call.service}"`));
    else if (service === undefined) this.#wait(call);
    else if ((service.how === 'keys') === (call.key !== undefined)) service.take(call, again);
    else call.reject(otherWay(service));
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` for a service with keys. */
  checkKeyless(name: string): void {
    const service = this.#services.get(name);
    if (service?.how === 'keys') throw otherWay(service);
  }

  /** @throws BusError `ERR_NO_SERVICE` where nobody owns keys of it. */
  keys(name: string): KeySpace {
    const service = this.#services.get(name);
    if (service instanceof KeySpace) return service;
    throw new BusError('ERR_NO_SERVICE', `Nobody owns keys of "${name}"`);
  }

  /** The same, undefined if no member owns keys of it. */
  space(name: string): KeySpace | undefined {
    const service = this.#services.get(name);
    return service instanceof KeySpace ? service : undefined;
  }

  /** Those of a service that are open, with `owner` if one is given. */
  openKeys(name: string, owner?: Participant): string[] {
    const service = this.#services.get(name);
    return service instanceof KeySpace ? service.open(owner) : [];
  }

  /** What those here offer together. */
  *offers(): Generator<Offering, void, void> {
    for (const { name, how, share } of this.#services.values()) if (share > 0) yield [name, how, share];
  }

  /** What those at another node offer together. @throws BusError as `check`. */
  nodeOffers(node: Participant, offering: Offering): void {
    const [name, how, share] = offering;
    const known = this.#services.get(name);
    // One that owns no keys any more may still have some.
    if (share > 0 || (how === 'keys' && known?.how !== 'calls')) {
      this.check([offering]);
      this.add(node, offering);
    } else if (how === 'calls' && node.services.delete(name)) {
      known?.remove(node);
      this.#release(name);
    }
  }

  /** Another node is suspect, or is not any more. */
  nodeChanged(): void {
    for (const service of this.#services.values()) service.changed();
  }

  /** The keys of each service that no other node may have. */
  *held(): Generator<readonly [service: string, keys: (readonly [string, number])[]], void, void> {
    for (const [name, service] of this.#services) if (service instanceof KeySpace) yield [name, [...service.held()]];
  }

  /** Those of the same name at another node, each with its epoch: returns those that this node keeps, and that the other node has to release. */
  met(name: string, node: Participant, keys: readonly (readonly [string, number])[]): (readonly [string, number])[] {
    const service = this.#services.get(name);
    const kept: (readonly [string, number])[] = [];
    if (!(service instanceof KeySpace)) return kept;
    for (const [key, epoch] of keys) {
      this.epochs.heard(epoch);
      const own = service.meets(key, node, epoch);
      if (own !== undefined) kept.push([key, own]);
    }
    return kept;
  }

  /** How many calls of a service there are here. */
  load(name: string): number {
    const service = this.#services.get(name);
    return service instanceof Pool ? service.load : 0;
  }

  /** How long other nodes may take to say what they have. */
  get claimMs(): number {
    return 2 * this.#host.limits.closeMs;
  }

  /** What finds no member waits, also after a `close`. */
  open(): void {
    this.#host.closed = undefined;
  }

  /** Rejects all that waits, and from now on what would wait. */
  close(error: BusError): void {
    this.#host.closed = error;
    for (const service of [...this.#services.values()]) service.close(error);
    for (const waiting of [...this.#unoffered.values()]) waiting.fail(error);
  }

  #offersChanged(): void {
    this.#host.nodes?.changed();
  }

  #wait(call: Call): void {
    const { service: name } = call;
    const { clock, limits } = this.#host;
    let waiting = this.#unoffered.get(name);
    if (waiting === undefined) {
      if (this.#unoffered.size >= limits.maxServices) {
        call.reject(new BusError('ERR_NO_SERVICE', `No member offers "${name}"`));
        return;
      }
      waiting = new WaitingCalls(new WaitingRoom(this.#host), clock, limits.waitMs, () => this.#unoffered.delete(name));
      waiting.member(false);
      this.#unoffered.set(name, waiting);
    }
    waiting.add(call);
    if (waiting.size === 0) this.#unoffered.delete(name);
  }

  #release(name: string): void {
    if (this.#services.get(name)?.isUsed === false) this.#services.delete(name);
  }
}

function otherWay({ name, how }: HubService): BusError {
  const what = how === 'keys' ? 'calls need a key' : 'there are no keys';
  return new BusError('ERR_INVALID_ARGUMENT', `Of "${name}" ${what}`);
}
