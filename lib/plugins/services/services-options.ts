import { isName } from '../../base/name.ts';
import { custom, flag, type Given, integer, optional, type Resolved } from '../../base/options.ts';

/** Options of `services()` at a client. */
export const memberTable = {
  /** The name of the member; one member has a name at a time. Default: its id. */
  name: custom<string | undefined>({ type: 'string', default: undefined, range: '1 to 256 bytes', accepts: isName }),
  /** Data that this member publishes about itself, at most 64 KiB. */
  meta: custom<unknown>({ type: 'data', default: undefined, accepts: () => true }),
  /** Whether it replaces a member that has the name and is up. */
  takeOver: flag({ default: false }),
};

/** Options of `services()` at the hub. */
export const hubTable = {
  /** How long a call waits if no member offers its service. */
  waitMs: integer({ default: 5_000, unit: 'ms' }),
  /**
   * Time that an owner has to open a key, and to close it after its running calls, for which the hub waits up to
   * `waitMs`.
   */
  closeMs: integer({ default: 5_000, min: 1, unit: 'ms' }),
  /** Most members; one more gets `ERR_QUEUE_FULL`. */
  maxMembers: integer({ default: 10_000, min: 1 }),
  /** Most services. */
  maxServices: integer({ default: 1_000, min: 1 }),
  /** Most keys of all services. */
  maxKeys: integer({ default: 1_000_000, min: 1 }),
  /** Most calls that wait at the hub, for each service. */
  maxWaiting: integer({ default: 10_000 }),
  /** Most bytes of waiting calls, and of the states of keys without an owner, for each service. */
  maxWaitingBytes: integer({ default: 67_108_864, unit: 'bytes' }),
};

/** Options of `provide()`. */
export const provideTable = {
  /** Methods of the object's class that are offered in addition to its own functions. */
  methods: custom<readonly string[]>({
    type: 'string[]',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  }),
  /** Calls that this member handles at a time; further calls wait at the hub. */
  concurrency: integer({ default: 1_000, min: 1 }),
};

/** Options of `own()`. */
export const ownTable = {
  /** The share of the keys that this member gets, relative to the other owners. */
  capacity: custom<number>({
    type: 'number',
    default: 1,
    range: 'above 0',
    accepts: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  }),
  /** A key without a call for this long is closed, and its state dropped. Default: never. */
  idleMs: optional(integer({ default: 0, min: 1, unit: 'ms' })),
};

export type MemberOptions = Given<typeof memberTable>;
export type HubOptions = Given<typeof hubTable>;
export type HubLimits = Resolved<typeof hubTable>;
export type ProvideOptions = Given<typeof provideTable>;
export type OwnOptions = Given<typeof ownTable>;
