import { createServer } from 'node:http';
import { Client, Server } from '../../lib/index.ts';
import { gateway, HttpServer } from '../../lib/plugins/gateway/index.ts';
import { cpuOf } from '../control/cpu-of.ts';
import type { Part, Scenario } from '../scenarios/scenario.ts';
import { portOf } from '../port-of.ts';
import { wrk } from './wrk.ts';

type Answering = Pick<HttpServer, 'writeHeader' | 'sendResponse'>;

function hello(
  http: { [Verb in keyof Answering]: (...args: Parameters<Answering[Verb]>) => unknown },
  id: string,
): void {
  http.writeHeader(id, 'Content-Type', 'text/plain');
  void http.sendResponse(id, 'hello');
}

const front: Part = ({ peer, address }) => ({
  async open({ worker }) {
    if (peer === 'node:http') {
      const bare = createServer((_, response) => {
        response.setHeader('Content-Type', 'text/plain');
        response.end('hello');
      });
      await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
      return { port: portOf(bare) };
    }
    if (worker === true) {
      const server = new Server({ path: address });
      const { http } = server.use(gateway({ http: { port: 0, host: '127.0.0.1' } }));
      await server.start();
      return { port: http?.port ?? 0 };
    }
    const http = new HttpServer({ deferred: false, host: '127.0.0.1' });
    http.addRoute('/hello', 'GET');
    http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => hello(http, clientID));
    return { port: await http.startListening(0) };
  },
});

const worker: Part = ({ address }) => ({
  async open() {
    const client = new Client({ path: address });
    const { http } = client.use(gateway());
    await client.connect();
    http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => hello(http, clientID));
    await http.addRoute('/hello', 'GET');
    return {};
  },
});

const load: Part = () => ({
  run: ({ port, seconds, connections }) => wrk(Number(port), Number(seconds), Number(connections)),
});

export const gatewayHttp: Scenario = {
  name: 'gateway-http',
  group: 'gateway',
  title: 'GET requests that are answered "hello", by wrk over 64 connections.',
  metrics: [
    { name: 'perSecond', unit: 'requests/s', better: 'higher' },
    { name: 'us', unit: 'us of CPU each, server', better: 'lower' },
    { name: 'allUs', unit: 'us of CPU each, with its worker', better: 'lower' },
  ],
  variants: [
    { name: 'HttpServer', clients: 64, params: { worker: false }, quick: true },
    { name: 'through a worker', clients: 64, params: { worker: true }, quick: true },
  ],
  program: 'wrk',
  parts: { front, worker, load },
  peers: () => ['busbar', 'node:http'],
  async measure({ start, pace }, { clients, params }, peer) {
    const server = await start('front');
    const { port = 0 } = await server.call('open', params);
    const helper = peer === 'busbar' && params['worker'] === true ? await start('worker') : undefined;
    await helper?.call('open');
    const generator = await start('load');
    const settings = { port, connections: clients, seconds: Math.max(1, Math.round(pace.measureMs / 1_000)) };
    if (!pace.quick) await generator.call('run', { ...settings, seconds: 1 });
    const before = [await cpuOf(server), helper === undefined ? 0 : await cpuOf(helper)] as const;
    const { count = 0, perSecond = 0 } = await generator.call('run', settings);
    const us = ((await cpuOf(server)) - before[0]) / count;
    const more = helper === undefined ? 0 : ((await cpuOf(helper)) - before[1]) / count;
    return { perSecond, us, allUs: us + more };
  },
};
