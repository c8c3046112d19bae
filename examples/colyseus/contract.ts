import type { IRoomCache, LocalPresence, SortOptions } from '@colyseus/core';

/** The number of each object that the hub offers; the members offer what hears topics. */
export const object = { keys: 0, topics: 1, rooms: 2 };

/** What Colyseus keeps in a presence: texts, sets, hashes and lists, by key. */
export const keyMethods = [
  ...(['exists', 'set', 'setex', 'expire', 'get', 'del', 'incr', 'decr'] as const),
  ...(['sadd', 'smembers', 'sismember', 'srem', 'scard', 'sinter'] as const),
  ...(['hset', 'hincrby', 'hincrbyex', 'hget', 'hgetall', 'hdel', 'hlen'] as const),
  ...(['llen', 'rpush', 'lpush', 'rpop', 'lpop', 'brpop'] as const),
];
export type Keys = Pick<LocalPresence, (typeof keyMethods)[number]>;

export interface Topics {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Those that somebody has subscribed to; `*` and `?` in `pattern` stand for texts and characters. */
  channels(pattern?: string): string[];
  publish(topic: string, data: unknown): void;
}

/** What a member has for the topics that it subscribed to. */
export interface Hearer {
  heard(topic: string, data: unknown): void;
}

export type Conditions = Partial<IRoomCache>;

/** The listing of all rooms. */
export interface Rooms {
  /** Adds the room of a process, or replaces what was said of it. */
  save(room: IRoomCache): void;
  remove(roomId: string): void;
  query(conditions: Conditions, sort?: SortOptions): IRoomCache[];
  cleanup(processId: string): void;
  clear(): void;
}

/** Where a process of Colyseus hears what others ask of it. */
export const processTopic = 'p:';
/** Where an answer is waited for, until it is there or was given up. */
export const answerTopic = 'ipc:';
