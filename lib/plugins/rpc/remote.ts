import { BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import { type Bus, endOf, type Ends } from './end.ts';
import { JointSignature } from './joint/joint-signature.ts';
import { Offer, type OfferOptions } from './offer.ts';
import { type RemoteOptions, remoteTable, setLimits } from './options.ts';

/** An object that is offered; `dispose` takes it back. */
export interface Offered {
  dispose(): void;
}

/**
 * Offers `object` to the peer of a channel end, of a `Client` or of a `Connection`, or to every client of a
 * `Server`. A function instead of the object makes one for each peer, and gets its user number or `Connection`.
 * Reachable are the object's own functions and the `methods` named. Throws `ERR_INVALID_ARGUMENT`, `ERR_INVALID_OPTION`
 * or `ERR_STATE` on an end that is over.
 */
export function remote(
  end: Ends | Bus,
  object: object | ((other: never) => object),
  options: RemoteOptions = {},
): Offered {
  const { id, user, methods, schema, context, joint, ...limits } = resolveOptions('remote()', remoteTable, options);
  const make = makerOf(object, { methods, schema, context });
  const place = endOf(end);
  setLimits(place.hub.limits, limits);
  if (place.type === 'bus') {
    if (joint !== undefined) throw new BusError('ERR_INVALID_OPTION', 'remote() option "joint" is for channel ends');
    return { dispose: place.hub.offer(id, make, place.peer) };
  }
  const revoke = [place.hub.offer(id, make, user)];
  if (joint !== undefined) {
    revoke.push(place.joint.add(id, { signature: new JointSignature(joint), offer: make, user }));
  }
  return {
    dispose: () => {
      for (const undo of revoke) undo();
    },
  };
}

/** Makes the same offer for everybody, or what the function makes, once for each. */
function makerOf(object: object | ((other: never) => object), options: OfferOptions): (key: unknown) => Offer {
  if (typeof object !== 'function') {
    const offer = new Offer(object, options);
    return () => offer;
  }
  const make = object as (other: unknown) => object;
  return (key) => new Offer(make(key), options);
}
