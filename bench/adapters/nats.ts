import { type ChildProcess, spawn } from 'node:child_process';
import { connect as dial } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { sleep } from '../time.ts';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';
import { Asking, type Envelope } from './asking.ts';
import { benchModule } from '../packages.ts';

interface Message {
  readonly data: Uint8Array;
  readonly reply?: string;
  json(): unknown;
}

interface NatsConnection {
  subscribe(subject: string, options: { callback: (error: Error | null, message: Message) => void }): void;
  publish(subject: string, data: string | Uint8Array, options?: { reply?: string }): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const flushEvery = 1_000;

async function open(port: string): Promise<NatsConnection> {
  const { connect } = benchModule('@nats-io/transport-node') as { connect(options: object): Promise<NatsConnection> };
  return connect({ servers: `127.0.0.1:${port}`, reconnect: false });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function startProgram(port: number): Promise<ChildProcess> {
  const program = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  process.on('exit', () => program.kill());
  for (let attempt = 0; attempt < 100; attempt++) {
    const answers = await new Promise<boolean>((resolve) => {
      const socket = dial(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('data', () => socket.destroy());
    });
    if (answers) return program;
    await sleep(50);
  }
  throw new Error('nats-server does not answer');
}

async function serve(path: string, handlers: Handlers): Promise<ServerEnd> {
  const port = await freePort();
  const program = await startProgram(port);
  const connection = await open(String(port));
  connection.subscribe('m', { callback: (_, message) => handlers.message(message.json()) });
  connection.subscribe('b', { callback: (_, { data }) => handlers.message(data) });
  connection.subscribe('r', {
    callback: (_, message) => {
      const { i, d } = message.json() as Envelope;
      connection.publish(message.reply ?? '', JSON.stringify({ i, d: handlers.request(d) }));
    },
  });
  await connection.flush();
  writeFileSync(path, String(port));
  let sent = 0;
  return {
    broadcast: (data) => {
      connection.publish('all', JSON.stringify(data));
      sent += 1;
      return sent % flushEvery === 0 ? connection.flush() : undefined;
    },
    close: async () => {
      await connection.close();
      program.kill();
    },
  };
}

async function connect(path: string, handlers: Handlers): Promise<ClientEnd> {
  const connection = await open(readFileSync(path, 'utf8'));
  const asking = new Asking();
  const inbox = `_INBOX.${process.pid}.${process.hrtime.bigint()}`;
  connection.subscribe('all', { callback: (_, message) => handlers.message(message.json()) });
  connection.subscribe(inbox, {
    callback: (_, message) => {
      const { i, d } = message.json() as Envelope;
      asking.answered(i, d);
    },
  });
  await connection.flush();
  let sent = 0;
  return {
    send: (data) => {
      if (Buffer.isBuffer(data)) connection.publish('b', data);
      else connection.publish('m', JSON.stringify(data));
      sent += 1;
      return sent % flushEvery === 0 ? connection.flush() : undefined;
    },
    // One inbox and one Map, as the package's own mux does it, without its timer for each request.
    request: (data) => asking.ask((i) => connection.publish('r', JSON.stringify({ i, d: data }), { reply: inbox })),
    close: () => connection.close(),
  };
}

/** NATS, through its server on loopback: every message passes a third process. */
export const natsAdapter: Adapter = {
  name: 'NATS',
  module: '@nats-io/transport-node',
  program: 'nats-server',
  loads: '@nats-io/transport-node',
  // Its server takes messages of 1 MiB.
  binary: false,
  serve,
  connect,
};
