import { BusError } from '../../base/errors.ts';
import { type Given, custom, integer, resolveOptions } from '../../base/options.ts';
import { type Bus, type Ends, endOf } from './end.ts';
import { JointSignature, type JointProcedure } from './joint/joint-signature.ts';
import { Offer } from './offer.ts';
import type { ContractSchema } from './standard-schema.ts';

const remoteTable = {
  id: integer({ default: 0, max: 255, doc: 'The number of the object, where an end offers several.' }),
  user: custom<number | undefined>({
    type: 'integer',
    default: undefined,
    doc: "Offers it to this user alone; at an owner's end.",
    accepts: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256,
  }),
  methods: custom<readonly string[]>({
    type: 'string[]',
    default: [],
    doc: "Methods of the object's class that are offered besides its own functions.",
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  }),
  schema: custom<ContractSchema>({
    type: '{ method: { input, output } }',
    default: {},
    doc: 'Standard Schemas that arguments and results are held against.',
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  joint: custom<readonly JointProcedure[] | undefined>({
    type: "['method', 'type', ...][]",
    default: undefined,
    doc: 'The procedures in their order, for joint peers.',
    accepts: (value) => Array.isArray(value),
  }),
};

export type RemoteOptions = Given<typeof remoteTable>;

/** An object that is offered; `dispose` takes it back. */
export interface Offered {
  dispose(): void;
}

/**
 * Offers `object` to the other side of a channel end, of a `Client` or of a `Connection`, or to every client of a
 * `Server`. A function instead of the object makes one for each other side, and gets its user number or `Connection`.
 * Reachable are the object's own functions and the `methods` named. Throws `ERR_INVALID_ARGUMENT`, `ERR_INVALID_OPTION`
 * or `ERR_STATE` on an end that is over.
 */
export function remote(end: Ends | Bus, object: object | ((other: never) => object), options: RemoteOptions = {}): Offered {
  const { id, user, methods, schema, joint } = resolveOptions('remote()', remoteTable, options);
  const make = makerOf(object, { methods, schema });
  const place = endOf(end);
  if (place.type === 'bus') {
    if (joint !== undefined) throw new BusError('ERR_INVALID_OPTION', 'remote() option "joint" is for channel ends');
    return { dispose: place.hub.offer(id, make, place.peer) };
  }
  const takeBack = [place.hub.offer(id, make, user)];
  if (joint !== undefined) {
    takeBack.push(place.joint.add(id, { signature: new JointSignature(joint), offer: make, user }));
  }
  return {
    dispose: () => {
      for (const undo of takeBack) undo();
    },
  };
}

/** Makes the same offer for everybody, or what the function makes, once for each. */
function makerOf(
  object: object | ((other: never) => object),
  options: { readonly methods: readonly string[]; readonly schema: ContractSchema },
): (key: unknown) => Offer {
  if (typeof object !== 'function') {
    const offer = new Offer(object, options);
    return () => offer;
  }
  const make = object as (other: unknown) => object;
  return (key) => new Offer(make(key), options);
}
