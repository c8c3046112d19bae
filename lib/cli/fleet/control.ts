import { BusError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';
import type { Client } from '../../bus/node-client.ts';
import { type Connection, Server } from '../../bus/node-server.ts';
import type { FleetEvents, FleetProcess } from '../../plugins/fleet/index.ts';
import { plainClient } from '../reach.ts';

/** A fleet that runs, as commands see it. */
export interface Running {
  status(): FleetProcess[];
  restart(group: string): Promise<void>;
  scale(group: string, count: number): Promise<void>;
  stop(): Promise<void>;
  on<Event extends keyof FleetEvents>(event: Event, listener: FleetEvents[Event]): unknown;
}

/** What is asked of it. */
export type Order =
  | { readonly command: 'status' }
  | { readonly command: 'restart'; readonly group?: string | undefined }
  | { readonly command: 'scale'; readonly group: string; readonly count: number }
  | { readonly command: 'logs'; readonly group?: string | undefined }
  | { readonly command: 'stop' };

export interface LogLine {
  readonly group: string;
  readonly number: number;
  readonly stream: string;
  readonly line: string;
}

const suffix = '.fleet';
const keptLines = 200;
/** Lines on their way to who reads them; more are left out. */
const mostUnread = 1_000;

/** Where the commands reach the fleet of a hub at `path`: a socket that is its owner's alone. */
export const controlPath = (path: string): string => `${path}${suffix}`;

/** Takes orders for a fleet. */
export class Control {
  readonly #server: Server;
  readonly #lines: LogLine[] = [];
  readonly #readers = new Map<Connection, { readonly group: string | undefined; unread: number }>();
  #fleet: Running | undefined;

  constructor(path: string) {
    this.#server = new Server({ path: controlPath(path), closeTimeoutMs: 1_000 });
    this.#server.handle((order, { peer }) => this.#obey(order as Order, peer));
    this.#server.on('disconnect', (connection) => void this.#readers.delete(connection));
    // What a command sends that is no order fails at the command.
    this.#server.on('error', () => {});
  }

  /** Rejects with `ERR_ADDRESS_IN_USE` where another fleet runs. */
  async open(): Promise<void> {
    await this.#server.start();
  }

  attend(fleet: Running): void {
    this.#fleet = fleet;
    fleet.on('line', ({ group, number }, line, stream) => {
      const told = { group, number, stream, line };
      if (this.#lines.push(told) > keptLines) this.#lines.shift();
      for (const reader of this.#readers.keys()) this.#tell(reader, told);
    });
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  async #obey(order: Order, peer: Connection): Promise<unknown> {
    const fleet = this.#fleet;
    if (fleet === undefined) throw new BusError('ERR_UNAVAILABLE', 'The fleet has not started yet');
    switch (order.command) {
      case 'status':
        return fleet.status();
      case 'restart':
        for (const group of order.group === undefined ? groupsOf(fleet) : [order.group]) await fleet.restart(group);
        return undefined;
      case 'scale':
        return fleet.scale(order.group, order.count);
      case 'logs':
        if (order.group !== undefined && !groupsOf(fleet).includes(order.group)) {
          throw new BusError('ERR_INVALID_ARGUMENT', `The fleet has no group "${order.group}"`);
        }
        this.#readers.set(peer, { group: order.group, unread: 0 });
        for (const line of this.#lines) this.#tell(peer, line);
        return undefined;
      case 'stop':
        return fleet.stop();
    }
  }

  #tell(connection: Connection, line: LogLine): void {
    const reader = this.#readers.get(connection);
    if (reader === undefined || (reader.group ?? line.group) !== line.group || reader.unread >= mostUnread) return;
    reader.unread += 1;
    const taken = (): void => void (reader.unread -= 1);
    connection.send(line, { confirm: true }).then(taken, taken);
  }
}

function groupsOf(fleet: Running): string[] {
  return [...new Set(fleet.status().map(({ group }) => group))];
}

/** A command's end. Rejects with `ERR_UNAVAILABLE` where no fleet runs. */
export async function reach(path: string): Promise<Client> {
  try {
    return await plainClient({ path: controlPath(path) }).connect();
  } catch (error) {
    const cause = error instanceof BusError ? codeOf(error.cause) : undefined;
    if (cause !== 'ENOENT' && cause !== 'ECONNREFUSED') throw error;
    throw new BusError('ERR_UNAVAILABLE', `No fleet is running at ${path}`, { cause: error });
  }
}
