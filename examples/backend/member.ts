import { join } from 'node:path';
import { Client } from 'busbar';
import { callOptions } from 'busbar/rpc';
import { type Services, services } from 'busbar/services';

/** For what may be done twice: it is asked again when the process that had it dies. */
export const again = callOptions({ idempotent: true });

/** Where the back end has its hub (`bus`), and players find the gateway (`players`). */
export function at(folder: string, name: 'bus' | 'players'): { readonly path: string } {
  return { path: join(folder, name) };
}

/** Makes this process a member of the back end; it ends when its client has closed. */
export async function member(prepare: (mine: Services, client: Client) => unknown): Promise<void> {
  const { BUSBAR_GROUP: group, BUSBAR_NUMBER: number } = process.env;
  const client = new Client({ url: 'parent:' });
  // Two of a place are there while one follows the other.
  const mine = client.use(services({ name: `${group}-${number}-${process.pid}`, meta: { pid: process.pid } }));
  await prepare(mine, client);
  await client.connect();
}
