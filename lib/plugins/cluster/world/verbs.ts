import {
  anything,
  count,
  flag,
  type ListMessage,
  listOf,
  listReader,
  optional,
  record,
  text,
} from '../../../base/shape.ts';
import { longestId, mostMembers } from './audience.ts';

const id = text(longestId);
const areIds = listOf(id);
const names = optional(listOf(text(512), mostMembers));

/** What a node asks of another one, beside the messages of the users'. */
export const readAsking = listReader('request between nodes', {
  connections: [],
  /** Whether all that was told before has arrived. */
  had: [],
  /** On a plugin's lane. */
  lane: [id, anything],
  /** Messages, requests and pings to a client: its connection, what is sent. */
  confirm: [id, anything],
  request: [id, anything],
  ping: [id, anything],
  /** Number, audience, milliseconds, data. */
  survey: [count(), names, names, optional(count()), anything],
});

/** What it tells that one. */
const telling = {
  send: [id, anything],
  /** On a plugin's lane. */
  lane: [id, anything],
  /** Nobody waits for the rest of that survey. */
  enough: [count()],
} as const;
export type Telling = ListMessage<typeof telling>;
export const readTelling = listReader('message between nodes', telling);

/** What that one tells back of a survey. */
const answering = {
  /** Who is asked: told before any answer. */
  asked: [count(), areIds],
  /** Who answered, whether it did, and with what. */
  answer: [count(), id, flag, anything],
} as const;
export type Answering = ListMessage<typeof answering>;
export const readAnswering = listReader('answer between nodes', answering);

/** A client as a list of clients has it. */
export const areConnections = listOf(
  (value): value is { readonly id: string; readonly groups: readonly string[] } =>
    record(value) && id(value['id']) && listOf(text())(value['groups']),
);
