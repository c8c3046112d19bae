import { Client, type ClientOptions } from 'busbar';
import { callOptions } from 'busbar/rpc';
import { type Services, services } from 'busbar/services';
import { mostWaiting } from './settings.ts';

/** For what may be done twice: waits for an answer however long that takes, and however many processes. */
export const untilAnswered = callOptions({ idempotent: true, timeout: 0 });

/** How a process is told where a bus is: the path of a socket, or `tcp:host:port`. */
export function at(address: string): ClientOptions {
  return address.startsWith('tcp:') ? { url: address } : { path: address };
}

export interface Membership {
  readonly mine: Services;
  /** Joins, which tells the supervisor that this process is ready. */
  join(): Promise<void>;
}

/**
 * Makes this process a member of the game. It ends when the supervisor has ended, and when it is told to (SIGTERM): then
 * it gives away first what it owns.
 */
export function member(supervisor: string, name: string, leave?: () => Promise<void>): Membership {
  const client = new Client({ ...at(supervisor), reconnect: false, maxPendingMessages: mostWaiting });
  const mine = client.use(services({ name }));
  // A terminal sends its Ctrl-C to all processes; the supervisor is the one that acts on it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => void client.close());
  client.on('close', () => void Promise.resolve(leave?.()).finally(() => process.exit()));
  return { mine, join: async () => void (await client.connect()) };
}
