import { GuardedEmitter } from '#emitter';
import { asBusError, BusError } from '../../base/errors.ts';
import { checkName } from '../../base/name.ts';
import { listOf } from '../../base/shape.ts';
import { codeOf } from '../../base/thrown.ts';
import type { PluginHost } from '../../bus/plugin.ts';
import { isMember, type Member, type ServicesEvents } from './member.ts';
import type { KeyedService } from './client/held-keys.ts';
import { MemberLink } from './client/member-link.ts';
import { type Offering, type Provided, Provisions } from './client/provisions.ts';
import { checkMeta } from './meta.ts';
import { type Service, serviceBy } from './service.ts';
import type { MemberOptions, OwnOptions, ProvideOptions } from './services-options.ts';

const presenceEvents: ReadonlySet<unknown> = new Set(['join', 'leave', 'change']);
const areMembers = listOf(isMember);
/** What the hub answers to an offer that it does not take. */
const refusals: ReadonlySet<unknown> = new Set(['ERR_INVALID_ARGUMENT', 'ERR_QUEUE_FULL']);

/** A client's end of services: what it offers, what it calls, and who else is here. */
export class Services extends GuardedEmitter<ServicesEvents> {
  readonly #provisions: Provisions;
  readonly #link: MemberLink;
  readonly #report: (error: unknown) => void;
  #meta: unknown;

  /** Made by `client.use(services())` only. */
  constructor(host: PluginHost, { name, meta, takeOver = false }: MemberOptions) {
    super((error) => host.report(error));
    this.#report = (error) => host.report(error);
    checkMeta(meta);
    this.#meta = meta;
    this.#provisions = new Provisions({
      clock: host.clock,
      lost: (service, key) => void this.fire('lost', service, key),
      failed: (error) => this.#report(error),
      idle: (service, key, epoch, calls) => this.#link.tell('idle', service, key, epoch, calls),
    });
    const options = { name, takeOver, meta: () => this.#meta, provisions: this.#provisions };
    this.#link = new MemberLink(host, options, {
      presence: (event, member, reason) => {
        if (event === 'leave') this.fire(event, member, reason);
        else this.fire(event, member);
      },
      failed: (error) => this.#failed(error),
    });
  }

  /** The id of this member, while it is one. */
  get id(): string | undefined {
    return this.#link.id;
  }

  /** All members in the order they came, the hub first; or those that offer a service. Rejects with `ERR_CLOSED`, `ERR_TIMEOUT`. */
  async members(service?: string): Promise<Member[]> {
    if (service !== undefined) checkName('a service', service);
    const members = await this.#link.ask('members', [service ?? null]);
    if (areMembers(members)) return [...members];
    throw new BusError('ERR_PROTOCOL', 'The hub sent an invalid list of members');
  }

  /** @internal In `stats().plugins.services`. */
  counts(): object {
    return this.#provisions.counts();
  }

  /** The one with this name. Rejects as `members`. */
  async member(name: string): Promise<Member | undefined> {
    checkName('a member', name);
    const member = await this.#link.ask('member', [name]);
    if (member === null || member === undefined || isMember(member)) return member ?? undefined;
    throw new BusError('ERR_PROTOCOL', 'The hub sent an invalid entry of a member');
  }

  /**
   * Says something else of this member: data of 64 KiB at most, instead of what it said before. Resolves when the hub has
   * it; before `connect()`, at once. Rejects with `ERR_UNENCODABLE`, `ERR_TOO_LARGE`.
   */
  async setMeta(meta: unknown): Promise<void> {
    checkMeta(meta);
    this.#meta = meta;
    if (this.#link.hasJoined) await this.#link.ask('setMeta', [meta]);
  }

  /**
   * Offers the functions of `object`, and the `methods` of its class that are named, as a service. Methods get a
   * `ServiceContext` behind the arguments that were sent. What the hub refuses is told by `error`, and is offered no more: `ERR_INVALID_ARGUMENT` for a
   * service that others own keys of, `ERR_QUEUE_FULL` for one too many.
   * @throws BusError `ERR_INVALID_ARGUMENT`, `ERR_INVALID_OPTION`, `ERR_STATE` for one that this member offers already.
   */
  provide(name: string, object: object, options: ProvideOptions = {}): Provided {
    return this.#offer(this.#provisions.provide(name, object, options));
  }

  /**
   * Owns keys of a service: the hub has this member open some of them, and close them when they go to another one.
   * `dispose` has them go. As for `provide`, what the hub refuses is told by `error`.
   * @throws BusError as `provide`.
   */
  own<Room extends object>(name: string, definition: KeyedService<Room>, options: OwnOptions = {}): Provided {
    return this.#offer(this.#provisions.own(name, definition, options));
  }

  /**
   * A service by its name, offered by any member, now or later. @throws BusError `ERR_INVALID_ARGUMENT` for an invalid
   * name.
   */
  service<Contract extends object>(name: string): Service<Contract> {
    return serviceBy<Contract>(this.#link, name);
  }

  /** Takes nothing new: resolves when the calls that are open have ended, and the keys are with others. `close()` does so by itself. */
  async drain(): Promise<void> {
    await this.#link.ask('drain', [], true);
  }

  /** Closes a key of this member's permanently. Its state is dropped. Rejects with `ERR_INVALID_ARGUMENT` for one that it has not. */
  async release(service: string, key: string): Promise<void> {
    checkName('a service', service);
    checkName('a key', key);
    await this.#link.ask('release', [service, key], true);
  }

  protected override listenerComes(event: string | symbol): void {
    if (presenceEvents.has(event)) this.#link.watch();
  }

  #offer(offering: Offering): Provided {
    const [name] = offering;
    const failed = (error: unknown): void => this.#failed(asBusError(error, 'ERR_REMOTE'));
    let isOffered = true;
    if (this.#link.hasJoined) {
      this.#link.ask('provide', offering).catch((error: unknown) => {
        // The next session is not to be refused for its sake.
        if (isOffered && refusals.has(codeOf(error))) {
          isOffered = false;
          this.#provisions.withdraw(name)();
        }
        failed(error);
      });
    }
    return {
      dispose: () => {
        if (!isOffered) return;
        isOffered = false;
        const forget = this.#provisions.withdraw(name);
        if (!this.#link.hasJoined) forget();
        // Where the session is lost meanwhile, the next one does not offer it.
        else this.#link.ask('withdraw', [name], true).catch(failed).finally(forget);
      },
    };
  }

  #failed(error: BusError): void {
    if (!this.fire('error', error)) this.#report(error);
  }
}
