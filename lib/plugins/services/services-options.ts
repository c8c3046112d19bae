import { custom, flag, type Given, integer, optional, type Resolved } from '../../base/options.ts';
import { isName } from '../../base/name.ts';

/** What `services()` takes at a client. */
export const memberTable = {
  /** One member has a name at a time. By default its id. */
  name: custom<string | undefined>({ type: 'string', default: undefined, range: '1 to 256 bytes', accepts: isName }),
  /** What this member says of itself: data of 64 KiB at most. */
  meta: custom<unknown>({ type: 'data', default: undefined, accepts: () => true }),
  /** Whether it replaces a member that has the name and is there. */
  takeOver: flag({ default: false }),
};

/** What `services()` takes at the hub. */
export const hubTable = {
  /** How long a call waits where no member offers its service. */
  waitMs: integer({ default: 5_000, unit: 'ms' }),
  /** How long an owner may take to open a key, and to close it once its calls are over, for which the hub waits `waitMs` at most. */
  closeMs: integer({ default: 5_000, min: 1, unit: 'ms' }),
  /** Members at once; more are refused with `ERR_QUEUE_FULL`. */
  maxMembers: integer({ default: 10_000, min: 1 }),
  /** Services at once. */
  maxServices: integer({ default: 1_000, min: 1 }),
  /** Keys at once, of all services. */
  maxKeys: integer({ default: 1_000_000, min: 1 }),
  /** Calls that wait at the hub, of each service. */
  maxWaiting: integer({ default: 10_000 }),
  /** Their bytes, and those of the states of keys that wait for an owner, of each service. */
  maxWaitingBytes: integer({ default: 67_108_864, unit: 'bytes' }),
};

/** What `provide()` takes. */
export const provideTable = {
  /** Methods of the object's class that are offered besides its own functions. */
  methods: custom<readonly string[]>({
    type: 'string[]',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  }),
  /** Calls that this member answers at once; the hub holds the others. */
  concurrency: integer({ default: 1_000, min: 1 }),
};

/** What `own()` takes. */
export const ownTable = {
  /** How much of the keys this member gets, beside the other owners. */
  capacity: custom<number>({
    type: 'number',
    default: 1,
    range: 'above 0',
    accepts: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  }),
  /** A key that was not called for so long is closed for good. By default never. */
  idleMs: optional(integer({ default: 0, min: 1, unit: 'ms' })),
};

export type MemberOptions = Given<typeof memberTable>;
export type HubOptions = Given<typeof hubTable>;
export type HubLimits = Resolved<typeof hubTable>;
export type ProvideOptions = Given<typeof provideTable>;
export type OwnOptions = Given<typeof ownTable>;
