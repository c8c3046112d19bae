import {
  anything,
  count,
  flag,
  type ListMessage,
  listOf,
  listReader,
  object,
  optional,
  record,
  type Shape,
  text,
  tuple,
} from '../../base/shape.ts';

const id = text(64);
const namespace = text(1_024);
/** What users of JavaScript name rooms by, too. */
const room: Shape<string> = (value): value is string => typeof value === 'string' || typeof value === 'number';
const rooms = listOf(room);
const sockets: Shape<readonly unknown[]> = listOf(object({ id: text(), handshake: record, rooms }));

/** An event with its arguments. Clients leave a server that sends one of `reserved`, which happen by themselves. */
const eventBut =
  (...reserved: readonly unknown[]): Shape<readonly unknown[]> =>
  (value): value is readonly unknown[] => {
    if (!Array.isArray(value)) return false;
    const name: unknown = value[0];
    return (typeof name === 'string' || typeof name === 'number') && !reserved.includes(name);
  };
const clientEvent = eventBut(
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
);
const serverEvent = eventBut('connect', 'connection', 'new_namespace');

/** A node of a namespace: the adapter that a server has for it. */
const node = tuple(id, namespace);
export type NodeEntry = readonly [id: string, namespace: string];
export const areNodes = listOf(node);

/** A node that comes asks the hub, and is answered by those of its namespace that are there. */
export const readEntering = listReader('entering of socket.io nodes', { enter: [areNodes] });

/**
 * What nodes say on the lane. The first member is the node that says it, but where the hub reports one. Answers have the node
 * that asked, and its request, behind that.
 */
const frames = {
  enter: [id, namespace],
  leave: [id],
  /** Rooms, rooms left out, volatile, compress, event, request where clients are to acknowledge. */
  broadcast: [id, rooms, rooms, optional(flag), optional(flag), clientEvent, optional(id)],
  join: [id, rooms, rooms, rooms],
  part: [id, rooms, rooms, rooms],
  disconnect: [id, rooms, rooms, flag],
  fetch: [id, rooms, rooms, id],
  emit: [id, serverEvent, optional(id)],
  sockets: [id, id, id, sockets],
  reply: [id, id, id, anything],
  /** How many clients will acknowledge, then what each of them does. */
  count: [id, id, id, count()],
  ack: [id, id, id, anything],
} as const;

export type Frame = ListMessage<typeof frames>;
export type Answer = Extract<Frame, readonly ['sockets' | 'reply' | 'count' | 'ack', ...unknown[]]>;
export type Message = Exclude<Frame, Answer | readonly ['enter' | 'leave', ...unknown[]]>;

export const readFrame = listReader('message of socket.io nodes', frames);

export function isAnswer(frame: Message | Answer): frame is Answer {
  return frame[0] === 'sockets' || frame[0] === 'reply' || frame[0] === 'count' || frame[0] === 'ack';
}
