import { Client, Server } from '../../lib/index.ts';
import { channels, type Rooms, type UserEnd } from '../../lib/plugins/channels/index.ts';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import type { Remote } from '../control/desk.ts';
import { Counter } from '../counter.ts';
import { payload } from '../payloads.ts';
import { atRate, pipeline } from '../pipeline.ts';
import type { Part, Stage } from '../scenarios/scenario.ts';
import { nextTurn, now } from '../time.ts';

const depth = 256;
const burst = 64;
export const chunk: Buffer = Buffer.alloc(100, 7);

interface Echo {
  echo(data: unknown): unknown;
}

export async function connected(path: string): Promise<{ client: Client; rooms: Rooms }> {
  const client = new Client({ path });
  const rooms = client.use(channels());
  await client.connect();
  return { client, rooms };
}

/** The three processes of a room, ready. */
export async function openRoom(start: Stage['start']): Promise<{ server: Remote; far: Remote; near: Remote }> {
  const server = await start('relay');
  await server.call('open');
  const far = await start('owner');
  await far.call('open');
  const near = await start('user');
  await near.call('open');
  return { server, far, near };
}

/** The bus server: it echoes requests and remote calls, and is the relay of the channels. */
export const relay: Part = ({ address }) => {
  const server = new Server({ path: address });
  return {
    async open() {
      server.use(channels());
      server.handle((data: unknown) => data);
      remote(server, { echo: (data: unknown) => data });
      await server.start();
      return {};
    },
    broadcast: ({ ms, rate }) => atRate(Number(rate), Number(ms), () => void server.broadcast(chunk)),
  };
};

/** The owner of two channels: one gives every chunk and call back, the other counts. */
export const owner: Part = ({ address }) => {
  const received = new Counter();
  return {
    async open() {
      const { rooms } = await connected(address);
      const echo = await rooms.create('echo');
      echo.on('chunk', (bytes, user) => echo.sendChunk(user, bytes));
      remote(echo, { echo: (data: unknown) => data });
      const sink = await rooms.create('sink');
      sink.on('chunk', () => received.add());
      return {};
    },
    untilReceived: async ({ count }) => ({ receivedAt: await received.until(Number(count)) }),
  };
};

/** The one who asks, calls and sends. */
export const user: Part = ({ address }) => {
  const { values } = payload('game');
  let next = 0;
  const value = (): object => values[next++ % values.length] as object;
  let ends: { client: Client; rooms: Rooms };
  let echo: UserEnd | undefined;
  const inRoom = async (): Promise<UserEnd> => (echo ??= await ends.rooms.enter('echo'));
  return {
    async open() {
      ends = await connected(address);
      return {};
    },
    requests: ({ ms }) => pipeline(depth, Number(ms), () => ends.client.request(value())),
    calls({ ms }) {
      const far = proxy<Echo>(ends.client);
      return pipeline(depth, Number(ms), () => far.echo(value()));
    },
    async callsInRoom({ ms }) {
      const far = proxy<Echo>(await inRoom());
      return pipeline(depth, Number(ms), () => far.echo(value()));
    },
    async chunksAndBack({ ms }) {
      const end = await inRoom();
      const waiting: (() => void)[] = [];
      const back = (): void => waiting.shift()?.();
      end.on('chunk', back);
      const figures = await pipeline(depth, Number(ms), () => {
        const answered = new Promise<void>((resolve) => waiting.push(resolve));
        void end.sendChunk(chunk);
        return answered;
      });
      end.off('chunk', back);
      return figures;
    },
    /** Chunks one way, each burst once the session took the one before. */
    async chunks({ ms }) {
      const end = await ends.rooms.enter('sink');
      const startedAt = now();
      let sent = 0;
      while (now() - startedAt < Number(ms)) {
        let taken: Promise<void> | undefined;
        for (let n = 0; n < burst; n++) taken = end.sendChunk(chunk);
        sent += burst;
        await taken;
        await nextTurn();
      }
      end.leave();
      return { startedAt, count: sent };
    },
  };
};
