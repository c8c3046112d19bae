import { join } from 'node:path';
import { Client } from 'busbar';
import { callOptions } from 'busbar/rpc';
import { type Services, services } from 'busbar/services';

/** For what may be done twice: it is asked again when the process that had it dies. */
export const again = callOptions({ idempotent: true });

/** Where the processes of the back end (`bus`) and the players (`players`) find the gateway. */
export function at(folder: string, name: 'bus' | 'players'): { readonly path: string } {
  return { path: join(folder, name) };
}

/** Makes this process a member of the back end, until it is told to end. */
export async function member(folder: string, name: string, prepare: (mine: Services) => void): Promise<void> {
  const client = new Client(at(folder, 'bus'));
  prepare(client.use(services({ name, meta: { pid: process.pid } })));
  leaveAtEnd(() => client.close());
  await client.connect();
}

/** Has this process leave in order when it is told to end, and when the one that started it is gone. */
export function leaveAtEnd(leave: () => Promise<unknown>): void {
  let leaving: Promise<unknown> | undefined;
  const end = (): void => void (leaving ??= leave().finally(() => process.exit()));
  process.once('SIGINT', end).once('SIGTERM', end).once('disconnect', end);
}
