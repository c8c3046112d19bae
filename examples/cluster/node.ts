import process from 'node:process';
import { Client, Server } from 'busbar';
import { cluster } from 'busbar/cluster';
import { argumentsOf } from '../program.ts';

/** What a node has counted when it is asked. */
export interface Count {
  readonly node: string;
  /** Messages sent, and those that came from others, to the node and to its bots. */
  readonly sent: number;
  readonly came: number;
  /** Of streams whose both ends live. */
  readonly lost: number;
  readonly doubled: number;
  readonly nodesUp: readonly string[];
}

const bots = 10;
const [node, servers] = argumentsOf('NAME', 'NATS');
const url = 'memory:node';
const server = new Server({ url });
// A cut of ten seconds is no death here.
const world = server.use(cluster({ name: 'example', node, nats: { servers }, deadAfterMs: 20_000 }));
const incarnation = (): number => world.nodes[0]?.incarnation ?? 0;

/** By sender and stream: the number that is to come next. */
const next = new Map<string, number>();
const sequences = new Map<string, number>();
let sent = 0;
let came = 0;
let lost = 0;
let doubled = 0;
let isOver = false;

/** `[stream, number]`: numbers of a stream come one by one, from whichever is first. */
function take(data: unknown, hearer: string): void {
  const [stream, number] = data as [string, number];
  const key = `${stream} ${hearer}`;
  const expected = next.get(key) ?? number;
  came += 1;
  if (number < expected) doubled += 1;
  else {
    lost += number - expected;
    next.set(key, number + 1);
  }
}

world.on('message', (data) => take(data, node));
world.on('node', ({ id, state, reason }) => console.log(`  ${node}: ${id} is ${state}, ${reason}`));
world.on('status', (status) => console.log(`  ${node}: ${status}`));
server.on('error', (error) => console.log(`  ${node}: ${error.code} ${error.message}`));
await server.start();
await world.ready;
for (let bot = 0; bot < bots; bot++) {
  const client = new Client({ url });
  client.on('message', (data) => take(data, `bot ${bot}`));
  await client.connect();
}

async function play(): Promise<void> {
  let broadcasts = 0;
  while (!isOver) {
    for (const other of world.nodes.slice(1)) {
      if (other.state !== 'up' && other.state !== 'suspect') continue;
      // A node that was started again is the end of another stream.
      const stream = `${node} ${incarnation()} ${other.id} ${other.incarnation}`;
      const number = sequences.get(stream) ?? 0;
      sequences.set(stream, number + 1);
      // One that cannot be accepted is not sent; the node was lost while it waited.
      void world
        .peer(other.id)
        .send([stream, number])
        .catch(() => {});
      sent += 1;
    }
    await world.broadcast([`${node} ${incarnation()}`, broadcasts]);
    broadcasts += 1;
    sent += 1;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const playing = play();
process.on('disconnect', () => process.exit());
process.on('message', (word) => {
  if (word === 'stop') isOver = true;
  void (isOver ? playing : Promise.resolve()).then(tell);
});
process.send?.('ready');

function tell(): void {
  const nodesUp = world.nodes.filter(({ state }) => state === 'up').map(({ id }) => id);
  process.send?.({ node, sent, came, lost, doubled, nodesUp: nodesUp.sort() } satisfies Count);
}
