import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { io as connect, type Socket as PageSocket } from 'socket.io-client';
import { type SocketIoNodes, socketIo } from '../../../lib/plugins/socket-io/index.ts';
import { type Bus, next, until } from '../../support/buses.ts';

/** A server of socket.io with one client, which `socket` is at the server. */
export interface Node {
  readonly io: Server;
  readonly socket: Socket;
  readonly page: PageSocket;
}

export async function newNode({ adapter }: SocketIoNodes): Promise<Node> {
  const http = createServer();
  const io = new Server(http, { adapter });
  io.on('barrier', (done: () => void) => done());
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const { port } = http.address() as AddressInfo;
  const page = connect(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false });
  const connected = next(page, 'connect');
  const [socket] = (await next(io, 'connection')) as [Socket];
  await connected;
  return { io, socket, page };
}

/** Who the nodes of a cluster are: the hub with two clients of the bus, or three clients. */
export type Arrangement = 'the hub and two clients' | 'three clients';

/** Three nodes around a hub, on the bus of a spec. */
export class Nodes {
  readonly all: readonly Node[];
  readonly #extra: Node[] = [];

  private constructor(all: readonly Node[]) {
    this.all = all;
  }

  static async open(bus: Bus, arrangement: Arrangement = 'three clients'): Promise<Nodes> {
    const server = bus.newServer();
    const hub = server.use(socketIo());
    await server.start();
    const ends = arrangement === 'three clients' ? [] : [hub];
    while (ends.length < 3) {
      const client = bus.newClient();
      ends.push(client.use(socketIo()));
      await client.connect();
    }
    const nodes = new Nodes(await Promise.all(ends.map(newNode)));
    await nodes.countEachOther('/');
    return nodes;
  }

  /** Closes it with the others. */
  add(node: Node): Node {
    this.#extra.push(node);
    return node;
  }

  at(place: number): Node {
    const node = this.all[place];
    if (node === undefined) throw new Error(`there is no node ${place}`);
    return node;
  }

  async countEachOther(namespace: string): Promise<void> {
    for (const { io } of this.all) await until(async () => (await countIn(io, namespace)) === this.all.length);
  }

  /** Which clients get `event` while `emit` runs: those that have it before another one, which all get. */
  async whoGets(event: string, emit: () => void): Promise<number[]> {
    const got: number[] = [];
    const ended = this.all.map(({ page }, place) => {
      page.on(event, () => got.push(place));
      return next(page, 'end');
    });
    emit();
    this.at(0).io.emit('end');
    await Promise.all(ended);
    for (const { page } of this.all) page.off(event);
    return got.sort();
  }

  /** Resolves when the others have done what the first one told them before. */
  async barrier(): Promise<void> {
    await this.at(0).io.serverSideEmitWithAck('barrier');
  }

  /** Which of the sockets are in a room. */
  in(room: string): number[] {
    return this.all.flatMap(({ socket }, place) => (socket.rooms.has(room) ? [place] : []));
  }

  async close(): Promise<void> {
    for (const { io, page } of [...this.all, ...this.#extra]) {
      page.disconnect();
      await io.close();
    }
  }
}

export function countIn(io: Server, namespace = '/'): Promise<number> {
  return io.of(namespace).adapter.serverCount();
}
