import { BusError } from '../../../base/errors.ts';
import { isThenable } from '../../../base/handling.ts';
import { type CallPort, ChannelError, type Reason } from '../../channels/internal.ts';
import { OneWayContext } from '../call-context.ts';
import type { Offer } from '../offer.ts';
import type { JointSignature } from './joint-signature.ts';

interface JointObject {
  readonly signature: JointSignature;
  offer(user: number): Offer;
  /** The one user it is offered to; undefined: all. */
  readonly user: number | undefined;
}

/** The remote objects of a channel end towards joint peers, whose calls have no answer. */
export class JointObjects {
  readonly #port: CallPort;
  readonly #objects = new Map<number, JointObject[]>();
  readonly #contexts = new Map<number, OneWayContext<number>>();

  constructor(port: CallPort) {
    this.#port = port;
  }

  /** Offers an object to joint peers and announces it to those who are there. */
  add(id: number, object: JointObject): () => void {
    this.#port.claimStreams();
    this.#objects.set(id, [object, ...(this.#objects.get(id) ?? [])]);
    for (const { user, joint } of this.#port.others) {
      if (joint && (object.user ?? user) === user) this.#announce(user, id);
    }
    return () => {
      this.#objects.set(
        id,
        (this.#objects.get(id) ?? []).filter((other) => other !== object),
      );
    };
  }

  announceTo(user: number): void {
    for (const [id, objects] of this.#objects) {
      if (objects.some((object) => (object.user ?? user) === user)) this.#announce(user, id);
    }
  }

  /** The user is gone, and with it what was offered to it alone. */
  gone(user: number, reason: Reason): void {
    this.#contexts.get(user)?.abort(new ChannelError(reason));
    this.#contexts.delete(user);
    for (const [id, objects] of this.#objects)
      this.#objects.set(
        id,
        objects.filter((object) => object.user !== user),
      );
  }

  /** Reads a chunk: an announcement or a call. @throws BusError `ERR_PROTOCOL` for what is neither. */
  receive(user: number, chunk: Uint8Array): void {
    const id = chunk[0] ?? 0;
    if (chunk.length === 1) {
      this.#port.announced(user, id);
      return;
    }
    const object = this.#objects.get(id)?.find((offered) => (offered.user ?? user) === user);
    if (object === undefined) throw new BusError('ERR_PROTOCOL', `There is no remote object ${id}`);
    const { name, args } = object.signature.read(chunk.subarray(1));
    this.#run(() => object.offer(user).call(name, args, this.#contextOf(user)));
  }

  #contextOf(user: number): OneWayContext<number> {
    const known = this.#contexts.get(user);
    if (known !== undefined) return known;
    const context = new OneWayContext(user);
    this.#contexts.set(user, context);
    return context;
  }

  #announce(user: number, id: number): void {
    this.#port.sendChunk(user, Uint8Array.of(id)).catch((error: unknown) => this.#port.report(error));
  }

  #run(call: () => unknown): void {
    try {
      const result = call();
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#port.report(error));
    } catch (error) {
      this.#port.report(error);
    }
  }
}
