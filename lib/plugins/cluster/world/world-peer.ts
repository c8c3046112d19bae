import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { askOptions, type AskSettings, sendOptions, type SendSettings } from '../../../bus/plugin.ts';
import type { Lookout } from '../lookout.ts';
import type { NodeBus, NodeSession } from '../sessions/node-bus.ts';

/** A node of the world, or a client of one, wherever it is. */
export interface WorldPeer {
  /** The name of the node, or `node/connection`. */
  readonly id: string;
  /**
   * Resolves when the own node accepted the message; with `confirm` when it was handled there. Rejects with `ERR_NODE_LOST` when the node
   * died or left first, `ERR_NO_MEMBER` where there is no such node, or with `confirm` no such client, and what `Client.send` rejects with.
   */
  send(data: unknown, settings?: WorldSendSettings): Promise<void>;
  /** Resolves with the answer. Rejects with `ERR_TIMEOUT` (by default after 10 s), `ERR_NODE_LOST`, `ERR_NO_MEMBER` and what `Client.request` rejects with. */
  request(data: unknown, settings?: number | AskSettings): Promise<unknown>;
  /** Resolves with the milliseconds that an echo of `data` took. Rejects as `request` does. */
  ping(data?: unknown, settings?: number | AskSettings): Promise<number>;
}

/** As for `Client.send`, without what needs a journal. */
export type WorldSendSettings = Omit<SendSettings, 'durable'>;

/** How nodes are reached. */
export interface Reach {
  readonly clock: Clock;
  readonly bus: NodeBus;
  readonly lookout: Lookout;
  /** @throws BusError `ERR_NO_MEMBER`, `ERR_NODE_LOST` or `ERR_CLOSED` where a node cannot be spoken to. */
  check(node: string): void;
}

/** Runs `call` with the session of `node`; what the end of the node does to it is `ERR_NODE_LOST`. */
export async function reaching<Result>(
  { bus, lookout, check }: Reach,
  node: string,
  call: (session: NodeSession) => Promise<Result>,
): Promise<Result> {
  check(node);
  const session = bus.with(node);
  try {
    return await lookout.during(node, call(session));
  } catch (error) {
    throw ending(session, error);
  }
}

/** What a call rejects with, where the end of the node may have been what ended it. */
function ending({ over }: NodeSession, error: unknown): unknown {
  if (over === undefined || !(error instanceof BusError) || !endings.has(error.code)) return error;
  return new BusError(over.code, over.message, { cause: error });
}

/** What the end of a session has its calls reject with. */
const endings: ReadonlySet<string> = new Set(['ERR_DESTROYED', 'ERR_CLOSED', 'ERR_SESSION_LOST']);

export function nodePeer(reach: Reach, node: string): WorldPeer {
  return {
    id: node,
    send: (data, settings) => {
      if (settings !== undefined) return reaching(reach, node, ({ client }) => client.send(data, settings));
      // The usual one, with as few promises as may be.
      try {
        reach.check(node);
        const session = reach.bus.with(node);
        return session.client.send(data).catch((error: unknown) => {
          throw ending(session, error);
        });
      } catch (error) {
        return Promise.reject(error);
      }
    },
    request: (data, settings) => reaching(reach, node, ({ client }) => client.request(data, settings)),
    ping: (data, settings) => reaching(reach, node, ({ client }) => client.ping(data, settings)),
  };
}

export function clientPeer(reach: Reach, node: string, connection: string): WorldPeer {
  const ask = (verb: string, data: unknown, settings: number | AskSettings | undefined): Promise<unknown> =>
    reaching(reach, node, ({ lane, client }) => {
      const { timeoutMs = 0, signal } = askOptions(settings, 10_000);
      return lane.request(client, [verb, connection, data], { timeout: timeoutMs, signal });
    });
  const id = `${node}/${connection}`;
  const tell = async (
    { lane, client, receipts }: NodeSession,
    data: unknown,
    until: AskSettings | undefined,
  ): Promise<void> => {
    await lane.send(client, ['send', connection, data], until);
    receipts.add({ id, data });
  };
  return {
    id,
    send: async (data, settings) => {
      const options = sendOptions(settings);
      const { timeoutMs = 0, signal } = options?.until ?? {};
      const until = options && { timeout: timeoutMs, signal };
      if (options?.confirm === true) await ask('confirm', data, until);
      else await reaching(reach, node, (session) => tell(session, data, until));
    },
    request: (data, settings) => ask('request', data, settings),
    ping: async (data, settings) => {
      const askedAt = reach.clock.now();
      await ask('ping', data, settings);
      return Math.round(reach.clock.now() - askedAt);
    },
  };
}
