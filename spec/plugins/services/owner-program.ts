import { Client } from 'busbar';
import { type ServiceContext, services } from 'busbar/services';

/** What a counter answers: who owns it, in which epoch, and how many it has counted. */
export type Counted = readonly [owner: string, epoch: number, count: number];

class Counter {
  readonly #owner: string;
  count: number;

  constructor(owner: string, count: number) {
    this.#owner = owner;
    this.count = count;
  }

  add({ epoch }: ServiceContext): Counted {
    this.count += 1;
    return [this.#owner, epoch ?? 0, this.count];
  }
}

// An owner of counters, until it is told to close or is killed.
const [path = '', name = ''] = process.argv.slice(2);
const owner = `${name} ${process.pid}`;
const client = new Client({ path, closeTimeoutMs: 20_000 });
const mine = client.use(services({ name }));
mine.own('counter', {
  methods: ['add'],
  open: (_key, state) => new Counter(owner, (state as number | undefined) ?? 0),
  close: (counter) => counter.count,
});
await client.connect();
process.on('message', () => void client.close().then(() => process.disconnect()));
process.send?.('ready');
