import { Client, type ClientOptions } from 'busbar';
import { fleetReady, fleetStop } from 'busbar/fleet';
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
  /** Joins the other processes. */
  join(): Promise<void>;
  /** Tells the fleet that this process is ready, where that is more than to have joined. */
  ready(): Promise<void>;
}

/** Makes this process a member of the game. It ends with its fleet, and when that has it end: `leave` comes first. */
export function member(leave: () => unknown = () => {}): Membership {
  const client = new Client({ url: 'parent:', maxPendingMessages: mostWaiting });
  const mine = client.use(services({ meta: { pid: process.pid } }));
  fleetStop(client, leave);
  client.on('close', () => process.exit());
  return { mine, join: async () => void (await client.connect()), ready: () => fleetReady(client) };
}
