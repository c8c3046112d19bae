import { custom, flag, type Given, integer, optional } from '../../base/options.ts';
import type { ContractSchema } from './contract.ts';
import type { JointProcedure } from './joint/joint-signature.ts';

/** Options of `remote()`. */
export const remoteTable = {
  /** The number of the object, if an end offers several. */
  id: integer({ default: 0, max: 255 }),
  /** Offers the object to this user only; at an owner's end. */
  user: custom<number | undefined>({
    type: 'integer',
    default: undefined,
    accepts: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256,
  }),
  /** Methods of the object's class that are offered in addition to its own functions. */
  methods: custom<readonly string[]>({
    type: 'string[]',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  }),
  /** Whether methods get `{ peer, signal, deadline }` of their call after the sent arguments. */
  context: flag({ default: false }),
  /** Standard Schemas that validate arguments and results. */
  schema: custom<ContractSchema>({
    type: '{ method: { input, output } }',
    default: {},
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  /** The procedures in their order, for joint peers. */
  joint: custom<readonly JointProcedure[] | undefined>({
    type: "['method', 'type', ...][]",
    default: undefined,
    accepts: (value) => Array.isArray(value),
  }),
  /** Most open streams in each direction with one peer. Default: 1,000. Applies to the whole end. */
  maxStreams: optional(integer({ default: 0 })),
  /** Most functions exported in each direction to one peer. Default: 10,000. Applies to the whole end. */
  maxFunctions: optional(integer({ default: 0 })),
};

export type RemoteOptions = Given<typeof remoteTable>;

/** Options of `proxy()`. */
export const proxyTable = {
  /** The number of the object, if the peer offers several. */
  id: integer({ default: 0, max: 255 }),
  /** Methods that this end expects; the peer compares them at the first call. */
  methods: custom<readonly string[] | undefined>({
    type: 'string[]',
    default: undefined,
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  }),
  /** Schemas that this end expects; the peer compares them at the first call. */
  schema: custom<ContractSchema | undefined>({
    type: '{ method: { input, output } }',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  /** The procedures in their order, for a joint peer; its calls have no answer. */
  joint: custom<readonly JointProcedure[] | undefined>({
    type: "['method', 'type', ...][]",
    default: undefined,
    accepts: (value) => Array.isArray(value),
  }),
  /** Most open streams in each direction with one peer. Default: 1,000. Applies to the whole end. */
  maxStreams: optional(integer({ default: 0 })),
  /** Most functions exported in each direction to one peer. Default: 10,000. Applies to the whole end. */
  maxFunctions: optional(integer({ default: 0 })),
};

export type ProxyOptions = Given<typeof proxyTable>;

/** How much an end and one peer may hold of each other's: the same for all remote objects and proxies of the end. */
export interface RpcLimits {
  /** Streams that are open, each way. */
  maxStreams: number;
  /** Functions that the peer holds, each way. */
  maxFunctions: number;
}

/** What `remote()` and `proxy()` were given replaces what counted for their end before. */
export function setLimits(limits: RpcLimits, given: { readonly [Name in keyof RpcLimits]: number | undefined }): void {
  limits.maxStreams = given.maxStreams ?? limits.maxStreams;
  limits.maxFunctions = given.maxFunctions ?? limits.maxFunctions;
}
