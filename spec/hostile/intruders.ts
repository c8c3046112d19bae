import { connect, type Socket } from 'node:net';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { SeededRandom } from '../../lib/testing/index.ts';
import { eager, next } from '../support/buses.ts';
import { frame, hello, offer, packet, Stranger } from '../support/stranger.ts';
import { stopwatch } from '../support/stopwatch.ts';

export interface IntrusionFigures {
  readonly attempts: number;
  /** How many of each kind. */
  readonly kinds: Readonly<Record<string, number>>;
  /** What reached a listener or handler. */
  readonly handled: number;
  /** How often the honest client's session was taken, or moved, or its connection replaced. */
  readonly taken: number;
  /** How long their links lived: all but one in a hundred, which pauses of the whole process held up. */
  readonly goneAfterMs: number;
  /** Broadcasts of ten that reached the honest client after it all. */
  readonly broadcasts: number;
}

interface Prey {
  readonly id: string;
  readonly token: string;
}

const atOnce = 32;
const password = 'open sesame';

/** Operations as one who is in would send them, in both dialects. */
function operations(random: SeededRandom): Buffer {
  const all = [
    packet({ t: 1, d: 'in' }),
    packet({ t: 2, d: 'in', n: random.between(0, 99).toString(36) }),
    packet({ t: 3, d: 'in', n: random.between(0, 99).toString(36) }),
    packet({ t: 4, d: 'in', n: '0' }),
    packet({ t: 6, d: { m: 'in', a: true } }),
    frame(1, 2, 0, 0, '\x01'),
    frame(2, 2, 0, 1, '\x01'),
    frame(3, 2, 0, random.between(0, 9), '\x01'),
    frame(9, 2, 1, 0, '\xa1x'),
    frame(8, 2, 0, 0, Buffer.from('81ae616c6c6f775265636f6e6e656374c3', 'hex')),
  ];
  return Buffer.concat(Array.from({ length: random.between(1, 4) }, () => random.pick(all)));
}

const guess = (random: SeededRandom): string => Buffer.from(random.bytes(16)).toString('base64url');

/** The token with one thing changed, as one who saw most of it would try. */
function nearly(token: string, random: SeededRandom): string {
  const at = random.between(0, token.length - 1);
  switch (random.between(0, 3)) {
    case 0:
      return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    case 1:
      return token.slice(0, at);
    case 2:
      return `${token}A`;
    default:
      return token.toLowerCase() === token ? token.toUpperCase() : token.toLowerCase();
  }
}

const wrong = (random: SeededRandom): unknown =>
  random.pick([null, '', 'open sesam', { password }, [password], 0, true, `${password} `]);

type Kind = (victim: Prey, mallory: Prey, random: SeededRandom) => Buffer[];

/** What intruders try, each as the pieces they write. None of them knows the password. */
const kinds: Readonly<Record<string, Kind>> = {
  'token guess': ({ id }, _mallory, random) => {
    const resume = { token: guess(random), received: random.between(0, 5) };
    return [hello({ extras: wrong(random), id, busbar: { ...offer, resume } }), operations(random)];
  },
  'token nearly right': ({ id, token }, _mallory, random) => {
    const resume = { token: nearly(token, random), received: 0 };
    return [hello({ extras: wrong(random), id, busbar: { ...offer, resume } }), operations(random)];
  },
  'token of a session that is over': (_victim, { id, token }, random) => {
    const resume = { token, received: 0 };
    return [hello({ extras: wrong(random), id, busbar: { ...offer, resume } }), operations(random)];
  },
  "another session's token": ({ id }, mallory, random) => {
    const resume = { token: mallory.token, received: 0 };
    return [hello({ extras: wrong(random), id, busbar: { ...offer, resume } }), operations(random)];
  },
  "another session's id": ({ token }, mallory, random) => {
    const resume = { token, received: 0 };
    return [hello({ extras: wrong(random), id: mallory.id, busbar: { ...offer, resume } }), operations(random)];
  },
  'id claim': ({ id }, _mallory, random) => [
    hello({ extras: wrong(random), id, ...(random.chance(0.5) ? { busbar: offer } : {}) }),
    operations(random),
  ],
  'second hello': (_victim, _mallory, random) => {
    const again = packet({ t: 0, d: { compress: false, messagepack: false, extras: password, id: null } });
    return [hello({ extras: wrong(random) }), operations(random), again, operations(random)];
  },
  'operation before the hello': (_victim, _mallory, random) => [
    Buffer.concat([Buffer.from('IPC'), operations(random)]),
    hello({ extras: wrong(random) }),
    operations(random),
  ],
  'operation behind the hello': (_victim, _mallory, random) => [
    hello({ extras: wrong(random), ...(random.chance(0.5) ? { busbar: offer } : {}) }),
    operations(random),
  ],
};

/** A link that writes `pieces`, and goes on after it was refused; its end of it stays open until the server's is gone. */
function intrude(path: string, pieces: readonly Buffer[], random: SeededRandom): Promise<void> {
  const inOne = random.chance(0.5);
  return new Promise((resolve) => {
    const socket = connect({ path, allowHalfOpen: true });
    const more = operations(random);
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    const goOn = (): void => {
      if (socket.write(more)) setTimeout(() => !socket.destroyed && goOn(), 5);
    };
    socket.on('data', () => {});
    socket.on('end', goOn);
    if (inOne) socket.write(Buffer.concat(pieces));
    else for (const piece of pieces) socket.write(piece);
  });
}

/** The session that a raw client was given, which is over when this resolves. */
async function formerSession(server: Server, path: string): Promise<Prey> {
  const stranger = await Stranger.at({ path });
  stranger.send(hello({ extras: password, busbar: offer }));
  await stranger.told(100);
  const [, id = ''] = /"id":"([^"]+)"/.exec(stranger.text) ?? [];
  const [, token = ''] = /"token":"([^"]+)"/.exec(stranger.text) ?? [];
  const gone = next(server, 'disconnect');
  server.connection(id)?.destroy();
  await gone;
  stranger.socket.destroy();
  return { id, token };
}

/** Attempts number `from` to `from + count` to get in at `path`, with an honest client inside. */
export async function intrusions(path: string, from: number, count: number): Promise<IntrusionFigures> {
  let handled = 0;
  let taken = 0;
  const lived: number[] = [];
  const authorize = (payload: unknown): boolean | Promise<boolean> =>
    payload === password || new Promise<boolean>((resolve) => setImmediate(resolve, false));
  let lastBytes: Uint8Array = new Uint8Array(0);
  const bytes = (size: number): Uint8Array => (lastBytes = crypto.getRandomValues(new Uint8Array(size)));
  const random = { unit: Math.random, bytes };
  const server = await new Server({ path, authorize, random, handshakeTimeoutMs: 1_000 }).start();
  server.on('error', () => {});
  const mallory = await formerSession(server, path);
  const client = new Client({ path, random: eager });
  await client.connect(password);
  const honest = server.connections[0] as Connection;
  for (const event of ['connect', 'message', 'request', 'disconnect'] as const) server.on(event, () => (handled += 1));
  honest.on('session', () => (taken += 1));
  // A token is the last that a server draws for a new session.
  const victim = { id: honest.id, token: Buffer.from(lastBytes).toString('base64url') };
  server.server?.on('connection', (socket: Socket) => {
    const elapsedMs = stopwatch();
    socket.once('close', () => lived.push(elapsedMs()));
  });
  const names = Object.keys(kinds);
  const tried: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  let number = from;
  const line = async (): Promise<void> => {
    while (number < from + count) {
      const random = new SeededRandom(number++);
      const name = random.pick(names);
      tried[name] = (tried[name] ?? 0) + 1;
      await intrude(path, kinds[name]?.(victim, mallory, random) ?? [], random);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, line));
  const reached = handled;
  let broadcasts = 0;
  client.on('message', () => (broadcasts += 1));
  for (let at = 0; at < 10; at++) await server.broadcast(at);
  await honest.flush();
  if (server.connections.length !== 1 || server.connections[0] !== honest) taken += 1;
  client.destroy();
  await server.close();
  lived.sort((a, b) => a - b);
  const goneAfterMs = Math.round(lived[Math.floor(lived.length * 0.99)] ?? 0);
  return { attempts: number - from, kinds: tried, handled: reached, taken, goneAfterMs, broadcasts };
}
