import { BusError } from '../../lib/base/errors.ts';
import { Client, type Connection, definePlugin, Server } from '../../lib/index.ts';
import { journal } from '../../lib/plugins/journal/index.ts';
import { MemoryNetwork } from '../../lib/testing/index.ts';
import type { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { Disk } from '../plugins/journal/disk.ts';
import { alter } from './alter.ts';
import { stretchOf, wordsOf } from './journal-words.ts';

/** What a client may be told of a server that says anything; anything else is a fault of its own. */
const faults: ReadonlySet<string> = new Set([
  ...['ERR_PROTOCOL', 'ERR_JOURNAL', 'ERR_JOURNAL_IN_USE', 'ERR_TOO_LARGE', 'ERR_REMOTE', 'ERR_TIMEOUT', 'ERR_STATE'],
  ...['ERR_CONNECT', 'ERR_CLOSED', 'ERR_DESTROYED', 'ERR_SESSION_LOST', 'ERR_QUEUE_FULL', 'ERR_UNENCODABLE'],
]);
const sent = 5;

/**
 * A client that sends durably, asks and consumes, whose server says anything on the lane of its journal: it goes on, all that
 * it was asked settles once it is closed, and nothing is taken for sent that no journal can have.
 */
export async function hostileJournal(_bytes: Uint8Array, random: SeededRandom): Promise<void> {
  const clock = new VirtualClock();
  const common = { url: 'memory:journal', network: new MemoryNetwork(), clock, random };
  const changed = (value: unknown): unknown => (random.chance(0.4) ? alter(value, random) : value);
  const known: [string, string] = ['q83vASNFZ4mrze8BI0VniQ', 'AAAAASNFZ4mrze8BI0VniQ'];
  const liar = definePlugin<(peer: Connection) => void, undefined>({
    name: 'journal',
    server(host) {
      const lane = host.lane({
        message: () => {},
        request(data) {
          if (!Array.isArray(data) || !Array.isArray(data[1])) return changed(undefined);
          const [folder, journals] = data as [string, [string, number][]];
          if (typeof journals[0]?.[0] === 'string') [known[0], known[1]] = [folder, journals.at(-1)?.[0] ?? ''];
          return changed([65_536, journals.map(([id]) => [id, random.between(0, 9)]), random.between(0, 9)]);
        },
      });
      const say = (peer: Connection): void => {
        const words = wordsOf(known[0], known[1], random);
        for (let count = random.between(1, 8); count > 0; count--) {
          const word = random.chance(0.3)
            ? stretchOf(known[1], random.between(0, 9), random)
            : changed(random.pick(words));
          if (random.chance(0.7)) lane.send(peer, word).catch(() => {});
          else lane.request(peer, word, { timeout: 1_000 }).catch(() => {});
        }
      };
      return { api: say };
    },
    client: () => ({ api: undefined }),
  });
  const server = new Server(common);
  server.on('error', () => {});
  const say = server.use(liar);
  await server.start();

  const files = new Disk(random);
  const client = new Client({ ...common, closeTimeoutMs: 1_000, journal: journal('f', { files }) });
  let wrong: unknown;
  client.on('error', (error) => {
    if (!faults.has(error.code)) wrong ??= error;
  });
  if (random.chance(0.5)) client.consume(() => {}, { retryMs: 1 });
  else client.on('message', () => {});
  client.handle((data) => data);
  const waiting = new Set<object>();
  const wait = (promise: Promise<unknown>): void => {
    const one = {};
    waiting.add(one);
    const over = (error: unknown): void => {
      waiting.delete(one);
      if (error !== undefined && !(error instanceof BusError)) wrong ??= error;
    };
    promise.then(() => over(undefined), over);
  };
  wait(client.connect());
  for (let number = 0; number < sent; number++) wait(client.send(number, { durable: true, confirm: number % 2 === 0 }));
  wait(client.request('asked', { durable: true, key: 'key 1' }));
  await clock.run(10);
  for (const connection of server.connections) say(connection);
  wait(client.send('plain'));
  await clock.run(random.between(1, 3_000));
  const backlog = client.backlog();
  await clock.run(10);
  const { messages, bytes } = await backlog;
  if (messages < 0 || messages > sent + 1 || bytes < 0)
    wrong ??= new Error(`${messages} messages of ${bytes} bytes wait`);
  for (const end of [client, server]) {
    const closing = end.close();
    await clock.run(5_000);
    await closing;
  }
  await clock.run(10);
  if (waiting.size > 0) wrong ??= new Error(`${waiting.size} promises did not settle`);
  if (clock.pending > 0) wrong ??= new Error(`${clock.pending} timers are left`);
  if (wrong !== undefined) throw new Error(`the client went wrong: ${String(wrong)}`, { cause: wrong });
}
