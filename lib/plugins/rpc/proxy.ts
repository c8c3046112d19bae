import { BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import type { AskOptions, PeerHandle } from '../../bus/plugin.ts';
import { CallOptions, usualAsk } from './call-options.ts';
import { fingerprints, type Fingerprints } from './contract.ts';
import { type Bus, endOf, type Ends, type ResolvedBus, type ResolvedEnd } from './end.ts';
import { JointSignature } from './joint/joint-signature.ts';
import { members } from './members.ts';
import type { Arguments, Methods, Result } from './method-types.ts';
import { type ProxyOptions, proxyTable, setLimits } from './options.ts';
import type { RpcSession } from './session.ts';
import { untilAnswered } from './until-answered.ts';

/** The peer's object: each method answers with a promise. */
export type Proxied<Contract> = {
  readonly [Name in keyof Methods<Contract>]: (
    ...args: [...Arguments<Contract[Name]>, options?: CallOptions]
  ) => Promise<Result<Contract[Name]>>;
} & {
  /** One way: one frame, no answer; resolves when the session accepted it. */
  readonly $notify: {
    readonly [Name in keyof Methods<Contract>]: (...args: Arguments<Contract[Name]>) => Promise<void>;
  };
};

/**
 * The object that the peer offers. `user` is whose: a user's number at an owner's end, a `Connection` on a
 * `Server`. Calls reject with the code the method failed with, `ERR_NO_METHOD`, `ERR_CONTRACT`, `ERR_TIMEOUT` (after 10 s
 * unless `callOptions` say otherwise), `ERR_ABORTED`, `ERR_CHANNEL` or `ERR_CLOSED` when the peer is gone,
 * `ERR_PEER_LACKS_FEATURE` when it takes no calls.
 */
export function proxy<Contract extends object>(
  end: Ends | Bus,
  user?: number | PeerHandle,
  options: ProxyOptions = {},
): Proxied<Contract> {
  const { id, methods, schema, joint, ...limits } = resolveOptions('proxy()', proxyTable, options);
  const place = endOf(end);
  setLimits(place.hub.limits, limits);
  const names = methods ?? (schema === undefined ? undefined : Object.keys(schema));
  const prints = names === undefined ? undefined : fingerprints(names, schema ?? {});
  const signature = joint === undefined ? undefined : new JointSignature(joint);
  const caller = new Caller(place, user, id, prints, signature);
  const $notify = members(
    (name) =>
      (...args) =>
        caller.notify(name, args),
  );
  return members(
    (name) =>
      (...args) =>
        caller.call(name, args),
    { $notify },
  ) as Proxied<Contract>;
}

class Caller {
  readonly #place: ResolvedEnd;
  readonly #user: number | PeerHandle | undefined;
  readonly #id: number;
  readonly #prints: Fingerprints | undefined;
  readonly #signature: JointSignature | undefined;
  /** In a channel, the session with the user who has the number now: another one who gets it later is not meant. */
  readonly #bound: RpcSession | undefined;

  constructor(
    place: ResolvedEnd,
    user: number | PeerHandle | undefined,
    id: number,
    prints: Fingerprints | undefined,
    signature: JointSignature | undefined,
  ) {
    this.#place = place;
    this.#user = user;
    this.#id = id;
    this.#prints = prints;
    this.#signature = signature;
    if (place.type === 'channel' && place.port.many && typeof user !== 'number') {
      throw new BusError('ERR_INVALID_ARGUMENT', "At an owner's end a proxy needs the number of a user.");
    }
    this.#bound = place.type === 'channel' ? place.hub.session(this.#number()) : undefined;
    if (place.type === 'bus' && place.peer === undefined && typeof user !== 'object') {
      throw new BusError('ERR_INVALID_ARGUMENT', 'On a Server a proxy needs a Connection');
    }
  }

  call(name: string, given: readonly unknown[]): Promise<unknown> {
    const last = given[given.length - 1];
    const args = last instanceof CallOptions ? given.slice(0, -1) : given;
    if (this.#toJoint()) return this.#joint(name, args);
    const ask = last instanceof CallOptions ? last.ask : usualAsk;
    return ask.idempotent ? this.#untilAnswered(name, args, ask) : this.#session().call(this.#id, name, args, ask);
  }

  /** Calls again in each next session while the caller waits. */
  async #untilAnswered(name: string, args: readonly unknown[], ask: AskOptions): Promise<unknown> {
    const place = this.#place;
    if (place.type === 'channel' || !place.comesBack) {
      throw new BusError('ERR_INVALID_ARGUMENT', 'A call can be idempotent on a Client only');
    }
    return untilAnswered(place.hub.clock, () => this.#session(), { object: this.#id, name, args, ask });
  }

  async notify(name: string, args: readonly unknown[]): Promise<void> {
    if (this.#toJoint()) await this.#joint(name, args);
    else await this.#session().notify(this.#id, name, args);
  }

  #session(): RpcSession {
    const session = this.#bound ?? this.#fresh();
    if (this.#prints !== undefined) session.expect(this.#id, this.#prints);
    return session;
  }

  /** On the bus a session that was lost is followed by another with the same peer. */
  #fresh(): RpcSession {
    const place = this.#place;
    return place.type === 'channel' ? place.hub.session(this.#number()) : place.hub.session(this.#peer(place));
  }

  /** Whether the present peer speaks the joint protocol. */
  #toJoint(): boolean {
    if (this.#place.type !== 'channel' || this.#signature === undefined) return false;
    const number = this.#number();
    for (const { user, joint } of this.#place.port.others) if (user === number) return joint;
    return false;
  }

  async #joint(name: string, args: readonly unknown[]): Promise<void> {
    if (this.#place.type !== 'channel' || this.#signature === undefined) return;
    await this.#place.port.sendChunk(this.#number(), this.#signature.write(this.#id, name, args));
  }

  #number(): number {
    return typeof this.#user === 'number' ? this.#user : 0;
  }

  #peer(place: ResolvedBus): PeerHandle {
    const peer = typeof this.#user === 'object' ? this.#user : place.peer;
    if (peer === undefined) throw new BusError('ERR_INVALID_ARGUMENT', 'On a Server a proxy needs a Connection');
    return peer;
  }
}
