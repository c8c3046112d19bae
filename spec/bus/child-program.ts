import { spawn } from 'node:child_process';
import { closeSync, writeFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, Server } from 'busbar';

/** A process that a spec starts by `server.spawn`; what it does is its first argument. */
const [mode, argument = ''] = process.argv.slice(2);
const stay = (): unknown => setInterval(() => {}, 60_000);
const own = fileURLToPath(import.meta.url);

async function connected(options: { readonly orphan?: boolean } = {}): Promise<Client> {
  const client = await new Client({ url: 'parent:', ...options }).connect({ mode, argument, cwd: process.cwd() });
  client.handle((request) =>
    request === 'wait' ? new Promise(() => {}) : [request, process.pid, process.env['SAID'], process.execArgv],
  );
  return client;
}

const modes: Readonly<Record<string, () => unknown>> = {
  /** Answers, and says how a second client of the parent fares. */
  async answers() {
    const client = await connected();
    const second = await new Client({ url: 'parent:' }).connect().catch((error: unknown) => String(error));
    await client.send({ second, variable: process.env['BUSBAR_PARENT'] });
    stay();
  },
  async orphan() {
    await connected({ orphan: true });
    stay();
  },
  /** Ends by itself when its client has closed. */
  async plain() {
    await connected();
  },
  async refused() {
    await connected().catch(() => {});
  },
  async lost() {
    const client = await connected();
    client.on('close', () => writeFileSync(argument, 'told'));
    stay();
  },
  async burst() {
    const client = await connected();
    for (let number = 0; number < Number(argument); number++) await client.send(number);
    while ((client.connection?.writableLength ?? 0) > 0) await new Promise(setImmediate);
    process.kill(process.pid, 'SIGKILL');
  },
  silent: stay,
  /** Takes no SIGTERM. */
  stubborn() {
    process.on('SIGTERM', () => {});
    writeFileSync(argument, String(process.pid));
    stay();
  },
  closed() {
    closeSync(3);
    stay();
  },
  garbage() {
    writeSync(3, Buffer.alloc(4_096, 0xa7));
    stay();
  },
  /** Has another process hold the other end, too. */
  async forks() {
    const holder = spawn(process.execPath, [own, 'silent'], { stdio: ['ignore', 'ignore', 'ignore', 3] });
    const client = await connected();
    await client.send(holder.pid);
    stay();
  },
  /** Closes what it has of the link behind its client's back. */
  async hangsUp() {
    const client = await connected({ orphan: true });
    client.connection?.destroy();
    stay();
  },
  /** Is a parent itself; says who its children are, and waits to be ended. */
  async supervisor() {
    const server = new Server();
    const children = await Promise.all([server.spawn(own, ['answers']), server.spawn(own, ['orphan'])]);
    process.send?.(children.map(({ child }) => child.pid));
  },
  /** Has the variable of a parent whose child it is not. */
  async stranger() {
    const failed = await new Client({ url: 'parent:' }).connect().catch((error: unknown) => String(error));
    process.send?.(failed);
  },
};

await modes[mode ?? '']?.();
