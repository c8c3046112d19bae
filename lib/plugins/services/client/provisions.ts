import { BusError } from '../../../base/errors.ts';
import { checkName } from '../../../base/name.ts';
import { resolveOptions } from '../../../base/options.ts';
import { type CallRequest, Offer } from '../../rpc/internal.ts';
import type { Member } from '../member.ts';
import { unbegun } from '../protocol.ts';
import { ServedContext } from '../service-context.ts';
import { type OwnOptions, ownTable, type ProvideOptions, provideTable } from '../services-options.ts';
import { HeldKeys, type HeldKeysHost, type KeyedService } from './held-keys.ts';

/** What is offered; `dispose` takes it back. */
export interface Provided {
  dispose(): void;
}

/** What a member offers, as the hub is told: by calls with its concurrency, or by keys with its capacity. */
export type Offering = readonly [service: string, how: 'calls' | 'keys', share: number];

/** One call as it reaches a member. */
export interface ServedCall {
  readonly service: string;
  readonly key: string | undefined;
  readonly epoch: number;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly caller: Member;
  readonly request: CallRequest;
}

/** What one member offers, and what it owns. */
export class Provisions {
  readonly #host: HeldKeysHost;
  readonly #objects = new Map<string, { readonly offer: Offer; readonly concurrency: number }>();
  readonly #keyed = new Map<string, HeldKeys>();

  constructor(host: HeldKeysHost) {
    this.#host = host;
  }

  /** Of one member: in `stats().plugins.services`. */
  counts(): { readonly services: number; readonly keys: number } {
    let keys = 0;
    for (const held of this.#keyed.values()) keys += held.size;
    return { services: this.#objects.size + this.#keyed.size, keys };
  }

  get offered(): Offering[] {
    const objects = Array.from(this.#objects, ([name, { concurrency }]): Offering => [name, 'calls', concurrency]);
    return [
      ...objects,
      ...Array.from(this.#keyed.values(), ({ name, capacity }): Offering => [name, 'keys', capacity]),
    ];
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT`, `ERR_INVALID_OPTION`, `ERR_STATE` for what this member offers already. */
  provide(name: string, object: object, options: ProvideOptions): Offering {
    const { methods, concurrency } = resolveOptions('provide()', provideTable, options);
    this.#checkNew(name);
    this.#objects.set(name, { offer: new Offer(object, { methods, context: true }), concurrency });
    return [name, 'calls', concurrency];
  }

  /** @throws BusError as `provide`. */
  own(name: string, definition: KeyedService, options: OwnOptions): Offering {
    const resolved = resolveOptions('own()', ownTable, options);
    this.#checkNew(name);
    if (typeof definition?.open !== 'function')
      throw new BusError('ERR_INVALID_ARGUMENT', 'own() needs the function open');
    this.#keyed.set(name, new HeldKeys(name, definition, resolved, this.#host));
    return [name, 'keys', resolved.capacity];
  }

  /** No call of it is begun any more; its keys stay until the hub has moved them, and what is returned is called. */
  withdraw(name: string): () => void {
    this.#objects.delete(name);
    const keys = this.#keyed.get(name);
    return () => {
      keys?.loseAll();
      // By then another one may have the name.
      if (this.#keyed.get(name) === keys) this.#keyed.delete(name);
    };
  }

  /** @throws what the method throws, or a BusError `unbegun` for what is not offered here. */
  serve({ service, key, epoch, method, args, caller, request }: ServedCall): unknown {
    if (key !== undefined) {
      const context = new ServedContext(request, caller, epoch);
      return this.#keysOf(service).call(key, epoch, method, args, context);
    }
    const object = this.#objects.get(service);
    if (object === undefined) throw new BusError(unbegun, `This member does not offer "${service}"`);
    return object.offer.call(method, args, new ServedContext(request, caller, undefined));
  }

  async open(service: string, key: string, epoch: number, state: unknown): Promise<void> {
    await this.#keysOf(service).open(key, epoch, state);
  }

  async close(service: string, key: string, epoch: number): Promise<unknown> {
    return this.#keysOf(service).close(key, epoch);
  }

  lost(service: string, key: string, epoch: number): void {
    this.#keyed.get(service)?.lose(key, epoch);
  }

  /** The hub is gone, or takes this for no member: all keys are lost. */
  loseAll(): void {
    for (const keys of this.#keyed.values()) keys.loseAll();
  }

  #keysOf(service: string): HeldKeys {
    const keys = this.#keyed.get(service);
    if (keys === undefined) throw new BusError(unbegun, `This member owns no keys of "${service}"`);
    return keys;
  }

  #checkNew(name: string): void {
    checkName('a service', name);
    if (this.#objects.has(name) || this.#keyed.has(name)) {
      throw new BusError('ERR_STATE', `This member offers "${name}" already`);
    }
  }
}
