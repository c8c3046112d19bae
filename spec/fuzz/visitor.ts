import { BusError } from '../../lib/base/errors.ts';
import { Client as PortableClient } from '../../lib/bus/client/client.ts';
import { nodeClientPlatform } from '../../lib/bus/node-platform.ts';
import type { ClientOptions } from '../../lib/bus/options.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway } from '../../lib/plugins/gateway/index.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';
import { callOptions, proxy, remote } from '../../lib/plugins/rpc/index.ts';
import type { Link } from '../../lib/transport/link.ts';

type Dial = (signal: AbortSignal) => Promise<Link>;
type Plugins = ReturnType<typeof install>;

interface Methods {
  echo(value: unknown): unknown;
  later(): unknown;
  count(): AsyncIterable<number>;
  hear(call: (value: unknown) => unknown, items: AsyncIterable<number>): unknown;
}

/** What either side offers the other. */
export const methods: Methods = {
  echo: (value) => value,
  later: () => Promise.resolve(1),
  count,
  async hear(call, items) {
    await drain(items, (item) => typeof call === 'function' && call(item));
    return call;
  },
};

async function* count(): AsyncGenerator<number> {
  for (let number = 0; number < 3; number++) yield await Promise.resolve(number);
}

const ignore = (): void => {};

function install(client: PortableClient) {
  remote(client, methods);
  return {
    proxied: proxy<Methods>(client, undefined, { methods: Object.keys(methods) }),
    rooms: client.use(channels()),
    web: client.use(gateway()),
    ports: client.use(dispatch()),
    transfers: client.use(interserve()),
  };
}

/** A client with all plugins that asks its server for everything there is, and counts what it still waits for. */
export class Visitor {
  readonly client: PortableClient;
  /** What it asked for and has no answer to yet. */
  readonly waiting = new Set<{ readonly name: string }>();
  /** An error that no caller and no listener should get. */
  wrong: unknown;
  readonly #plugins: Plugins;

  /** `dial` makes the links; the address of `options` is where they would lead. */
  constructor(options: ClientOptions, dial: (usual: Dial) => Dial) {
    const platform: typeof nodeClientPlatform = {
      ...nodeClientPlatform,
      dialer(resolved) {
        const target = nodeClientPlatform.dialer(resolved);
        return { ...target, dial: dial(target.dial) };
      },
    };
    this.client = new PortableClient(options, platform, false);
    this.client.handle((data) => data);
    this.client.on('message', ignore);
    this.#plugins = install(this.client);
    const { transfers, web, rooms } = this.#plugins;
    transfers.receive('box', ignore);
    rooms.subscribe('a/>', ignore);
    web.http.on('HTTP_REQUEST_FINISHED', (_event, { clientID }) => {
      this.#wait(`response ${clientID}`, web.http.sendResponse(clientID, 'answer'));
    });
    web.http.on('HTTP_DATA_RECEIVED', () => Promise.resolve());
    web.websocket.on('WEBSOCKET_MESSAGE_RECEIVED', (_event, { clientID, message }) => {
      this.#wait(`message to ${clientID}`, web.websocket.sendBinaryMessageToClient(clientID, message));
    });
    this.#wait('connect', this.client.connect());
  }

  /** Asks for `some` things or for all, in the same order each time, so that each answer is the same one's. */
  ask(some: 'few' | 'most' | 'all'): void {
    const { client } = this;
    const { proxied, rooms, ports, transfers, web } = this.#plugins;
    this.#wait('request', client.request({ what: 1 }));
    this.#wait('request for ever', client.request('x', { timeout: 0, idempotent: true }));
    this.#wait('ping', client.ping('echo'));
    this.#wait('send', client.send({ type: 'position', id: 7 }));
    this.#wait('confirmed', client.send('x', { confirm: true }));
    this.#wait('messages', drain(client.messages()));
    if (some === 'few' || client.delivery === 'legacy') return;
    this.#wait('echo', proxied.echo([1, 'a']));
    this.#wait('later', proxied.later(callOptions({ idempotent: true })));
    this.#wait(
      'count',
      proxied.count().then((items) => drain(items)),
    );
    this.#wait('hear', proxied.hear(ignore, count()));
    this.#wait('list', rooms.list());
    this.#wait('publish', rooms.publish('a/b', 1));
    this.#wait('create', this.#own());
    this.#wait('enter', this.#enter());
    this.#wait(
      'udp',
      ports.udp({ port: 0, accept: '127.0.0.1' }).then((port) => drain(port)),
    );
    this.#wait('tcp', this.#port());
    this.#wait('route', web.http.addRoute('/x', 'GET'));
    this.#wait('clients', web.websocket.takeClients());
    this.#wait('ids', web.websocket.getClientIds());
    if (some === 'most') return;
    this.#wait('upload', transfers.send('box', 'content').receipt);
    this.#wait('upload of bytes', transfers.send('box', Buffer.from('content')).receipt);
  }

  /** Goes for good; whatever still waits then is `wrong`. */
  async leave(advance: (ms: number) => Promise<void>): Promise<void> {
    this.client.destroy();
    await advance(0);
    await this.client[Symbol.asyncDispose]();
    // What waits for the next session, which never comes, has a limit of its own.
    if (this.waiting.size > 0) await advance(60_000);
    if (this.wrong === undefined && this.waiting.size > 0) {
      this.wrong = new Error(`nobody settled: ${[...this.waiting].map(({ name }) => name).join(', ')}`);
    }
  }

  async #own(): Promise<void> {
    const end = await this.#plugins.rooms.create('mine');
    remote(end, methods);
    end.on('data', (_bytes, user) => {
      this.#wait(`answer to ${user}`, end.send(user, Buffer.from('answer')));
      this.#wait(`call of ${user}`, proxy<Methods>(end, user).echo(1));
    });
    end.on('chunk', ignore);
    end.on('userConnect', () => this.#wait('broadcast', end.broadcast(Buffer.from('all'))));
  }

  async #enter(): Promise<void> {
    const end = await this.#plugins.rooms.enter('room');
    end.on('data', ignore);
    this.#wait('sent', end.send(Buffer.from('data')));
    this.#wait('chunk', end.sendChunk(Buffer.from('a chunk')));
    const owner = proxy<Methods>(end);
    this.#wait('call of the owner', owner.echo(1));
    this.#wait(
      'stream of the owner',
      owner.count().then((items) => drain(items)),
    );
  }

  async #port(): Promise<void> {
    const port = await this.#plugins.ports.tcp({ port: 0, accept: '127.0.0.1' });
    port.on('received', (device, bytes) => this.#wait('write', port.write(device, bytes)));
    port.on('opened', ignore);
  }

  #wait(name: string, promise: Promise<unknown>): void {
    const one = { name };
    this.waiting.add(one);
    promise.then(
      () => this.waiting.delete(one),
      (error: unknown) => {
        this.waiting.delete(one);
        if (!(error instanceof BusError)) this.wrong ??= error;
      },
    );
  }
}

/** Takes all of `items`, which a server may have answered with anything else. */
async function drain(items: AsyncIterable<unknown>, take: (item: unknown) => unknown = ignore): Promise<void> {
  const isIterable = typeof items === 'object' && items !== null && Symbol.asyncIterator in items;
  if (isIterable) for await (const item of items) await take(item);
}
