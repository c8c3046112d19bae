import { Packr } from 'msgpackr';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';
import { Asking, type Envelope } from './asking.ts';
import { benchModule } from '../packages.ts';
import { fullBytes } from './room.ts';

interface ZeroSocket extends AsyncIterable<Buffer[]> {
  sendHighWaterMark: number;
  receiveHighWaterMark: number;
  bind(address: string): Promise<void>;
  connect(address: string): void;
  subscribe(): void;
  send(parts: readonly unknown[]): Promise<void>;
  close(): void;
}

interface ZeroMq {
  readonly Router: new () => ZeroSocket;
  readonly Dealer: new () => ZeroSocket;
  readonly XPublisher: new () => ZeroSocket;
  readonly Subscriber: new () => ZeroSocket;
}

const packr = new Packr({ useRecords: false });

/** A socket takes one message at a time, so the others wait here. */
class Outgoing {
  readonly #socket: ZeroSocket;
  #queue: (readonly unknown[])[] = [];
  #sending = false;
  #room: (() => void)[] = [];
  #bytes = 0;

  constructor(socket: ZeroSocket) {
    this.#socket = socket;
  }

  push(parts: readonly unknown[]): Promise<void> | undefined {
    this.#queue.push(parts);
    for (const part of parts) if (Buffer.isBuffer(part)) this.#bytes += part.length;
    if (!this.#sending) void this.#drain();
    if (this.#queue.length < 1_000 && this.#bytes < fullBytes) return undefined;
    return new Promise((resolve) => this.#room.push(resolve));
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    while (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = [];
      this.#bytes = 0;
      for (const parts of queue) await this.#socket.send(parts);
      const room = this.#room;
      this.#room = [];
      for (const resolve of room) resolve();
    }
    this.#sending = false;
  }
}

async function listen(socket: ZeroSocket, heard: (parts: Buffer[]) => void): Promise<void> {
  for await (const parts of socket) heard(parts);
}

async function serve(path: string, handlers: Handlers): Promise<ServerEnd> {
  const { Router, XPublisher } = benchModule('zeromq') as ZeroMq;
  const router = new Router();
  const publisher = new XPublisher();
  // Unlimited towards slow readers, as a router and a publisher drop what is over the mark.
  router.sendHighWaterMark = publisher.sendHighWaterMark = 0;
  await router.bind(`ipc://${path}`);
  await publisher.bind(`ipc://${path}p`);
  const answers = new Outgoing(router);
  const published = new Outgoing(publisher);
  void listen(router, ([who, kind, body]) => {
    if (kind?.length === 1) handlers.message(body);
    else {
      const { i, d } = packr.unpack(body as Buffer) as Envelope;
      if (i === 0) handlers.message(d);
      else void answers.push([who, packr.pack({ i, d: handlers.request(d) })]);
    }
  });
  return {
    broadcast: (data) => published.push([packr.pack(data)]),
    close: () => {
      router.close();
      publisher.close();
      return undefined;
    },
  };
}

async function connect(path: string, handlers: Handlers): Promise<ClientEnd> {
  const { Dealer, Subscriber } = benchModule('zeromq') as ZeroMq;
  const dealer = new Dealer();
  const subscriber = new Subscriber();
  subscriber.receiveHighWaterMark = 0;
  dealer.connect(`ipc://${path}`);
  subscriber.connect(`ipc://${path}p`);
  subscriber.subscribe();
  const asking = new Asking();
  const outgoing = new Outgoing(dealer);
  void listen(dealer, ([body]) => {
    const { i, d } = packr.unpack(body as Buffer) as Envelope;
    asking.answered(i, d);
  });
  void listen(subscriber, ([body]) => handlers.message(packr.unpack(body as Buffer)));
  const send = (data: object): Promise<void> | undefined =>
    Buffer.isBuffer(data) ? outgoing.push(['b', data]) : outgoing.push(['', packr.pack({ i: 0, d: data })]);
  const request = (data: object): Promise<unknown> =>
    asking.ask((i) => void outgoing.push(['', packr.pack({ i, d: data })]));
  // Both sockets connect in the background; the subscription is there soon after the first answer.
  await request({});
  await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    send,
    request,
    bulk: send,
    close: () => {
      dealer.close();
      subscriber.close();
      return undefined;
    },
  };
}

/** zeromq.js: a router and dealers, publisher and subscribers, with MessagePack. */
export const zeromqAdapter: Adapter = { name: 'zeromq', module: 'zeromq', loads: 'zeromq', serve, connect };
