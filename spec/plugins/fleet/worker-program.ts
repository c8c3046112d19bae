import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { Client } from 'busbar';
import { fleetReady } from 'busbar/fleet';
import { services } from 'busbar/services';

/** A process of a fleet that a spec starts; what it does is its first argument. */
const [mode = '', argument = ''] = process.argv.slice(2);
const name = `${process.env['BUSBAR_GROUP']}-${process.env['BUSBAR_NUMBER']}`;
const stay = (): unknown => setInterval(() => {}, 60_000);

async function connected(options: { readonly orphan?: boolean } = {}): Promise<Client> {
  const client = await new Client({ url: 'parent:', ...options }).connect({ name, mode, argument });
  client.handle((request) => [request, name, process.pid]);
  return client;
}

const modes: Readonly<Record<string, () => unknown>> = {
  /** Ends by itself when its client has closed. */
  async plain() {
    await connected();
  },
  /** Notes when it begins and ends. */
  async notes() {
    appendFileSync(argument, `+${name}\n`);
    process.on('exit', () => appendFileSync(argument, `-${name}\n`));
    await connected();
  },
  async signals() {
    const client = await connected();
    setTimeout(() => void fleetReady(client), Number(argument));
  },
  dies() {
    process.exit(3);
  },
  /** Comes, and dies before it says that it is ready. */
  async unready() {
    await connected();
    process.exit(4);
  },
  /** Never gets ready. */
  deaf: stay,
  /** Has a client, stays when that has closed, and does not hear of SIGTERM. */
  async stubborn() {
    process.on('SIGTERM', () => console.log('SIGTERM, and so what'));
    stay();
    await connected();
  },
  /** Starts a process that would go on. */
  async forks() {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' });
    console.log(`child ${child.pid}`);
    await connected();
  },
  async prints() {
    await connected();
    console.log('first\nsecond');
    console.error('third');
    process.stdout.write('without an end');
  },
  /** As many MiB, in lines of a KiB; then it says so on the bus. */
  async floods() {
    const client = await connected();
    const block = Buffer.from(`${'x'.repeat(1_023)}\n`.repeat(1_024));
    let left = Number(argument);
    const more = (): void => {
      if (left-- > 0) process.stdout.write(block, more);
      else void client.send('printed');
    };
    more();
  },
  async eats() {
    const client = await connected();
    const eaten: Buffer[] = [];
    client.on('message', (megabytes) => eaten.push(Buffer.alloc(Number(megabytes) * 1_048_576, 1)));
  },
  async member() {
    const client = new Client({ url: 'parent:' });
    const mine = client.use(services());
    let told = 0;
    mine.provide('work', {
      echo: (value: unknown) => [value, process.pid],
      slow: (ms: number) => new Promise((resolve) => setTimeout(() => resolve(process.pid), ms)),
      tell: () => void (told += 1),
    });
    mine.own('box', {
      methods: ['add'],
      open: (_key, sum: unknown) => new Box(Number(sum ?? 0)),
      close: ({ sum }) => sum,
    });
    client.on('close', () => {
      if (argument !== '') appendFileSync(argument, `${told}\n`);
    });
    await client.connect();
  },
};

class Box {
  sum: number;

  constructor(sum: number) {
    this.sum = sum;
  }

  add(one: number): number {
    this.sum += one;
    return this.sum;
  }
}

await modes[mode]?.();
