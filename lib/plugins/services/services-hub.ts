import { GuardedEmitter } from '#emitter';
import { asBusError, BusError } from '../../base/errors.ts';
import { checkName } from '../../base/name.ts';
import type { PluginHost } from '../../bus/plugin.ts';
import { Hub } from './hub/hub.ts';
import type { Participant } from './hub/participant.ts';
import { hubId, type Member, type ServicesEvents } from './member.ts';
import type { KeyedService } from './client/held-keys.ts';
import { type Offering, type Provided, Provisions } from './client/provisions.ts';
import { type Service, type ServiceCaller, serviceBy } from './service.ts';
import type { HubLimits, OwnOptions, ProvideOptions } from './services-options.ts';

/** The server's end of services: it knows all members, decides who owns what, and is the member `hub` itself. */
export class ServicesHub extends GuardedEmitter<ServicesEvents> {
  readonly #hub: Hub;
  readonly #provisions: Provisions;
  readonly #caller: ServiceCaller;
  readonly #report: (error: unknown) => void;

  /** Made by `server.use(services())` only. */
  constructor(host: PluginHost, limits: HubLimits) {
    super((error) => host.report(error));
    this.#report = (error) => host.report(error);
    this.#provisions = new Provisions({
      clock: host.clock,
      lost: (service, key) => void this.fire('lost', service, key),
      failed: (error) => this.#report(error),
      idle: (service, key, epoch, calls) => this.#hub.services.keys(service).idle(key, this.#hub.own, epoch, calls),
    });
    const hub = new Hub(host, limits, this.#provisions, (event, member, reason) => {
      if (event === 'leave') this.fire(event, member, reason);
      else this.fire(event, member);
    });
    this.#hub = hub;
    this.#caller = {
      call: (service, key, method, args, ask) => hub.call(service, key, method, args, ask),
      notify: async (service, key, method, args) => hub.notify(service, key, method, args),
      survey: (service, method, args, ask) => hub.surveys.all({ caller: hub.own, service, method, args, ask }),
    };
    host.onStart(() => hub.open());
    host.onClose(() => hub.close());
  }

  /** @internal In `stats().plugins.services`. */
  counts(): object {
    return { members: this.#hub.presence.entries().length, ...this.#hub.services.counts() };
  }

  /** All members in the order they came, the hub first and those of other nodes last; or those that offer a service. */
  members(service?: string): Member[] {
    return this.#hub.presence.entries(service);
  }

  /** The one with this name; of several, as each node has names of its own, the one of this node. */
  member(name: string): Member | undefined {
    return this.#hub.presence.named(name);
  }

  /** Says something else of the hub. Rejects with `ERR_UNENCODABLE`, `ERR_TOO_LARGE`. */
  async setMeta(meta: unknown): Promise<void> {
    this.#hub.setMeta(this.#hub.own, meta);
  }

  /** As `Services.provide`. */
  provide(name: string, object: object, options: ProvideOptions = {}): Provided {
    return this.#offer(this.#provisions.provide(name, object, options));
  }

  /** As `Services.own`. */
  own<Room extends object>(name: string, definition: KeyedService<Room>, options: OwnOptions = {}): Provided {
    return this.#offer(this.#provisions.own(name, definition, options));
  }

  /** As `Services.service`. */
  service<Contract extends object>(name: string): Service<Contract> {
    return serviceBy<Contract>(this.#caller, name);
  }

  /** Who owns a key; undefined while it is not open. Throws `ERR_INVALID_ARGUMENT` for what is not a name, `ERR_NO_SERVICE`. */
  owner(service: string, key: string): Member | undefined {
    checkName('a key', key);
    return this.#keys(service).owner(key)?.entry;
  }

  /** The keys that are open, of all owners or of one; none where nobody owns keys of the service. Throws `ERR_NO_MEMBER`. */
  keys(service: string, memberId?: string): string[] {
    const owner = memberId === undefined ? undefined : this.#participant(memberId);
    checkName('a service', service);
    return this.#hub.services.openKeys(service, owner);
  }

  /**
   * Has a member own a key; resolves when it is open there. What comes meanwhile waits. Rejects with `ERR_NO_MEMBER`,
   * `ERR_NO_SERVICE` where that member owns no keys of the service or is draining, or what its `open` fails with.
   */
  async move(service: string, key: string, memberId: string): Promise<void> {
    checkName('a key', key);
    const participant = this.#participant(memberId);
    await this.#keys(service).move(key, participant);
  }

  /**
   * Gives a member nothing new, and its keys to others: resolves when it has no key and no open call. It stays `draining`
   * until it leaves. Rejects with `ERR_NO_MEMBER`.
   */
  async drain(memberId: string = hubId): Promise<void> {
    await this.#hub.drain(this.#participant(memberId));
  }

  /** Moves the open keys that belong elsewhere, such as to a member that has come; resolves with how many. Rejects with `ERR_NO_SERVICE`. */
  async rebalance(service: string): Promise<number> {
    return this.#keys(service).rebalance();
  }

  /** As `Services.release`, of a key of the hub's own. */
  async release(service: string, key: string): Promise<void> {
    checkName('a key', key);
    await this.#keys(service).release(key, this.#hub.own);
  }

  #offer(offering: Offering): Provided {
    const [name] = offering;
    try {
      this.#hub.offer(offering);
    } catch (error) {
      this.#provisions.withdraw(name)();
      throw error;
    }
    let isOffered = true;
    return {
      dispose: () => {
        if (!isOffered) return;
        isOffered = false;
        const forget = this.#provisions.withdraw(name);
        const failed = (error: unknown): void => this.#failed(asBusError(error, 'ERR_REMOTE'));
        this.#hub.withdraw(this.#hub.own, name).then(forget, failed);
      },
    };
  }

  #failed(error: BusError): void {
    if (!this.fire('error', error)) this.#report(error);
  }

  #keys(service: string): ReturnType<Hub['services']['keys']> {
    checkName('a service', service);
    return this.#hub.services.keys(service);
  }

  #participant(id: string): Participant {
    const participant = this.#hub.presence.byId(id);
    if (participant === undefined) throw new BusError('ERR_NO_MEMBER', `There is no member with the id "${id}"`);
    return participant;
  }
}
