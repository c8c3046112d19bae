import { isName } from '../../base/name.ts';
import {
  anything,
  count,
  flag,
  listOf,
  listReader,
  oneOf,
  optional,
  type Shape,
  text,
  tuple,
} from '../../base/shape.ts';
import { isMember } from './member.ts';

/** The remote objects that either side has for the other one, by number. */
export const object = {
  /** What members and the hub tell and ask each other. */
  control: 0,
  /** The services: at the hub those of all members, at a member its own. */
  call: 1,
  /** At the hub: calls of all members that offer a service. */
  survey: 2,
} as const;

const name: Shape<string> = (value): value is string => isName(value);
/** Above 0, and Infinity: how many calls at once, or how much of the keys. */
const share: Shape<number> = (value): value is number => typeof value === 'number' && value > 0;
const how = oneOf('calls', 'keys');

/** What a member tells and asks the hub: each method, and its arguments. */
export const readAtHub = listReader('word of a member', {
  /** Name, meta, whether it replaces one that is there, and what it offers. */
  join: [optional(name), anything, flag, listOf(tuple(name, how, share), 10_000)],
  setMeta: [anything],
  /** By calls or by keys; concurrency or capacity. */
  provide: [name, how, share],
  withdraw: [name],
  drain: [],
  release: [name, name],
  /** Closes a key that had `calls` calls in this epoch and none since a while. */
  idle: [name, name, count(), count()],
  members: [optional(name)],
  member: [name],
  watch: [],
});

/** What the hub tells and asks a member. */
export const readAtMember = listReader('word of a hub', {
  /** Service, key, epoch and state. */
  open: [name, name, count(), anything],
  close: [name, name, count()],
  lost: [name, name, count()],
  replaced: [],
  presence: [oneOf('join', 'leave', 'change'), isMember, optional(text())],
  /** One whose calls follow. */
  caller: [isMember],
  callerGone: [text()],
});

// The heads of calls are checked by hand, since each call is checked.

/** Before the arguments of a call at the hub: service, key, and whether it may be begun twice. */
export type CallHead = readonly [service: string, key: string | null, idempotent: boolean, ...unknown[]];
export const callHead = 3;

export function readCall(given: readonly unknown[]): given is CallHead {
  return isName(given[0]) && (given[1] === null || isName(given[1])) && typeof given[2] === 'boolean';
}

/** Before those of a survey: the service, and how long each member has. */
export const readSurvey = tuple(name, optional(count()));
export const surveyHead = 2;
/** Before those of a call at a member. */
export type ServedHead = readonly [service: string, caller: string, key: string | null, epoch: number, ...unknown[]];
export const servedHead = 4;

export function readServed(given: readonly unknown[]): given is ServedHead {
  const [service, caller, key, epoch] = given;
  return isName(service) && typeof caller === 'string' && (key === null || isName(key)) && typeof epoch === 'number';
}

/** A member answers so to a call that it has not begun, and that another one may take. */
export const unbegun = '$unbegun';

/** A row of a survey: whose, and what came of it. */
export const isRow = tuple(isMember, flag);
