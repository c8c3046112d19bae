import { isName } from '../../../../base/name.ts';
import {
  anything,
  count,
  flag,
  listOf,
  type ListMessage,
  listReader,
  oneOf,
  optional,
  type Shape,
  text,
  tuple,
} from '../../../../base/shape.ts';
import { isMember } from '../../member.ts';

const name: Shape<string> = (value): value is string => isName(value);
const how = oneOf('calls', 'keys');
/** 0: it is offered no more. */
const share: Shape<number> = (value): value is number => typeof value === 'number' && value >= 0;
const anyArguments = listOf(anything);
/** Service, key, whether it may be begun twice, method, caller, over how many nodes it came, arguments. */
const call = [name, optional(name), flag, text(), text(), count(), anyArguments] as const;

/** What the hubs of two nodes tell each other. */
const telling = {
  /** All there is to know: epochs given so far, members, and what they offer together. */
  all: [count(), listOf(isMember, 100_000), listOf(tuple(name, how, share), 10_000)],
  join: [isMember],
  change: [isMember],
  leave: [text(), text()],
  offer: [name, how, share],
  /** Keys of a service that are here, each with its epoch. */
  have: [name, listOf(tuple(name, count()), 10_000)],
} as const;

/** What they ask. */
const asking = {
  /** Whether there is a hub. */
  hub: [],
  call,
  /** Answered as soon as it is on its way. */
  note: call,
  /** Service, key, and the epoch that it is to be opened with: whether the other one has the key. */
  claim: [name, name, count()],
  /** Service, key, epoch, state: the other one has the key from now on. */
  give: [name, name, count(), anything],
  /** Service, key: have it given to the one that asks. */
  fetch: [name, name],
  /** Service, method, milliseconds, caller, arguments. */
  survey: [name, text(), optional(count()), text(), anyArguments],
} as const;

export type Telling = ListMessage<typeof telling>;
export type Asking = ListMessage<typeof asking>;
export type NodeCall = Extract<Asking, readonly ['call' | 'note', ...unknown[]]>;
export const readTelling = listReader('message between hubs', telling);
export const readAsking = listReader('request between hubs', asking);

/** What answers a call: how many calls of the service the node has, and the result. */
export const isAnswer = tuple(count(), anything);
/** What answers a claim: the epochs given so far, and whether the node has the key. */
export const isClaimed = tuple(count(), flag);
/** Limit of keys in one message. */
export const mostKeys = 1_000;
