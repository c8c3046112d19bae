import { MessageChannel, type MessagePort, parentPort, Worker } from 'node:worker_threads';
import type { Adapter, ClientEnd, Handlers } from './adapter.ts';
import { Asking, type Envelope } from './asking.ts';

let handlers: Handlers | undefined;
const ports: MessagePort[] = [];

function accept(port: MessagePort): void {
  ports.push(port);
  port.on('message', ({ i, d }: Envelope) => {
    if (i === 0) handlers?.message(d);
    else port.postMessage({ i, d: handlers?.request(d) });
  });
}

async function connect(_: string, given: Handlers): Promise<ClientEnd> {
  const { port1, port2 } = new MessageChannel();
  const asking = new Asking();
  const ready = new Promise<void>((resolve) => {
    port1.on('message', ({ i, d }: Envelope) => {
      if (i === 0) given.message(d);
      else if (i < 0) resolve();
      else asking.answered(i, d);
    });
  });
  parentPort?.postMessage(port2, [port2]);
  await ready;
  return {
    send: (data) => {
      port1.postMessage({ i: 0, d: data });
      return undefined;
    },
    request: (data) => asking.ask((i) => port1.postMessage({ i, d: data })),
    close: () => {
      port1.close();
      return undefined;
    },
  };
}

/** Two threads of one process. It has no back-pressure and crosses no process; it shows what structured cloning costs. */
export const messageChannelAdapter: Adapter = {
  name: 'MessageChannel',
  serve: (_, given) => {
    handlers = given;
    return Promise.resolve({
      broadcast: (data) => {
        for (const port of ports) port.postMessage({ i: 0, d: data });
        return undefined;
      },
      close: () => undefined,
    });
  },
  connect,
  spawn: (file, args) => {
    const worker = new Worker(file, { argv: [...args] });
    worker.on('message', (port: MessagePort) => {
      accept(port);
      port.postMessage({ i: -1, d: undefined });
    });
  },
};
