import type { Presence } from '@colyseus/core';
import type { Client } from 'busbar';
import { callOptions, proxy, remote } from 'busbar/rpc';
import { answerTopic, keyMethods, type Keys, object, processTopic, type Topics } from './contract.ts';

type Listener = (data: unknown) => void;

/** The presence of Colyseus over the bus: topics and keys are the hub's. */
export function busPresence(client: Client): Presence {
  const keys = proxy<Keys>(client, undefined, { id: object.keys });
  const topics = proxy<Topics>(client, undefined, { id: object.topics });
  const listeners = new Map<string, Set<Listener>>();

  remote(
    client,
    {
      heard: async (topic: string, data: unknown) => {
        if (topic.startsWith(processTopic) && !(await isAwaited(data))) return;
        for (const listener of listeners.get(topic) ?? []) listener(data);
      },
    },
    { id: object.topics },
  );
  // A session that is new has none of them.
  client.on('ready', () => {
    for (const topic of listeners.keys()) void handled(topics.subscribe(topic));
  });

  /** Whether who asked still waits. Who gave up has done it himself, and a room that nobody knows of would stay for ever. */
  async function isAwaited(data: unknown): Promise<boolean> {
    const request: unknown = Array.isArray(data) ? data[1] : undefined;
    return (await topics.channels(`${answerTopic}${String(request)}`)).length > 0;
  }

  const presence: Presence = {
    ...(Object.fromEntries(
      keyMethods.map((name) => {
        const ask = keys[name] as (...args: unknown[]) => Promise<unknown>;
        return [name, (...args: unknown[]) => handled(ask(...args))];
      }),
    ) as unknown as Keys),
    brpop: (...args) => {
      const [waitSeconds] = args.slice(-1);
      const timeout = Number(waitSeconds) * 1_000 + 10_000;
      return handled(keys.brpop(...args, callOptions({ timeout })));
    },
    subscribe: async (topic, callback) => {
      const listener = callback as Listener;
      const known = listeners.get(topic);
      listeners.set(topic, (known ?? new Set()).add(listener));
      if (known === undefined) await topics.subscribe(topic);
      return presence;
    },
    unsubscribe: (topic, callback) => {
      const known = listeners.get(topic);
      if (callback === undefined) known?.clear();
      else known?.delete(callback as Listener);
      if (known?.size !== 0) return presence;
      listeners.delete(topic);
      return handled(topics.unsubscribe(topic));
    },
    channels: (pattern) => topics.channels(...(pattern === undefined ? [] : [pattern])),
    publish: (topic, data: unknown) => handled(topics.$notify.publish(topic, data)),
    setMaxListeners: () => undefined,
    shutdown: () => undefined,
  };
  return presence;
}

/** Colyseus waits for some of what it asks, and a hub that is gone must not end the process for the rest. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
