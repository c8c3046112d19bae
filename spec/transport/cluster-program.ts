import cluster from 'node:cluster';
import { Client, Server } from 'busbar';
import { channels } from 'busbar/channels';
import { dispatch, type DispatchPorts } from 'busbar/dispatch';
import { HttpServer, WebSocketServer } from 'busbar/gateway';
import { interserve } from 'busbar/interserve';
import { certificate } from '../support/certificate.ts';

/** What a worker does to listen on `port`, by the name of what listens. */
const listeners: Readonly<Record<string, (port: number) => Promise<unknown>>> = {
  tcp: (port) => new Server({ port }).start(),
  tls: (port) => new Server({ port, tls: certificate }).start(),
  shared: (port) => new Server({ port, listenOptions: { exclusive: false } }).start(),
  'joint protocol': (port) => {
    const server = new Server({ url: 'memory:x' });
    server.use(channels({ joint: { port } }));
    return server.start();
  },
  interserve: (port) => {
    const server = new Server({ url: 'memory:x' });
    server.use(interserve({ iport: port }));
    return server.start();
  },
  'dispatch, web face': (port) => {
    const server = new Server({ url: 'memory:x' });
    server.use(dispatch({ port, secret: 'a secret of some length' }));
    return server.start();
  },
  'dispatch, device port': (port) => devicePorts().then((ports) => ports.tcp({ port, accept: '127.0.0.1' })),
  'dispatch, datagram port': (port) => devicePorts().then((ports) => ports.udp({ port, accept: '127.0.0.1' })),
  'gateway, HTTP': (port) => new HttpServer().startListening(port),
  'gateway, WebSocket': (port) => new WebSocketServer().startListening(port),
};

async function devicePorts(): Promise<DispatchPorts> {
  const server = new Server({ url: 'memory:x' });
  server.use(dispatch());
  await server.start();
  const client = new Client({ url: 'memory:x' });
  const ports = client.use(dispatch());
  await client.connect();
  return ports;
}

/**
 * Forks two workers that listen on one port and prints what became of them. In a worker the errors' codes are
 * told; it stays until it is ended.
 */
const [what = '', port = '0'] = process.argv.slice(2);
if (cluster.isWorker) {
  const told = await listeners[what]!(Number(port)).then(
    () => 'started',
    (error: unknown) => (error as { code: unknown }).code,
  );
  process.send?.(told);
} else {
  cluster.setupPrimary({ exec: process.argv[1]!, args: [what, port] });
  const told: unknown[] = [];
  cluster.on('message', (_worker, text) => {
    told.push(text);
    if (told.length < 2) return;
    process.stdout.write(told.toSorted().join(', '));
    for (const worker of Object.values(cluster.workers ?? {})) worker?.kill('SIGKILL');
  });
  cluster.fork();
  cluster.fork();
}
