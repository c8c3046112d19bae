import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { Client, Server } from 'net-ipc';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeflater, createInflater } from '../../../lib/wire/fast-zlib.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import type { ClientHello } from '../../../lib/wire/handshake/hello.ts';
import { NetIpcDecoder } from '../../../lib/wire/net-ipc/net-ipc-decoder.ts';
import { NetIpcEncoder } from '../../../lib/wire/net-ipc/net-ipc-encoder.ts';
import { ClientHandshake } from '../../../lib/wire/handshake/client-handshake.ts';
import { acceptHello, refusal } from '../../../lib/wire/handshake/refusal.ts';
import { ServerHandshake } from '../../../lib/wire/handshake/server-handshake.ts';
import { Slab } from '../../../lib/base/slab.ts';

const maxFrameBytes = 1 << 20;
const offer = { versions: [1], features: ['records'], maxFrameBytes };
const codecs = [
  { compress: false, messagepack: false },
  { compress: false, messagepack: true },
  { compress: true, messagepack: false },
  { compress: true, messagepack: true },
];
const value = { text: 'grüße '.repeat(40), list: [1, -2, 3.5, null, true], nested: { deep: { deeper: 'x' } } };

let count = 0;
const closers: (() => unknown)[] = [];

function freePath(): string {
  count += 1;
  return join(tmpdir(), `bb-ni-${process.pid}-${count}.sock`);
}

async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** One open end of a link, which keeps every frame it gets and tells who waits for the next. */
class End {
  readonly encoder: NetIpcEncoder;
  readonly #socket: Socket;
  readonly #slab = new Slab();
  readonly #frames: Frame[] = [];
  #wake: (() => void) | undefined;

  constructor(socket: Socket, codec: { compress: boolean; messagepack: boolean }, rest: Uint8Array) {
    const { messagepack } = codec;
    const deflater = codec.compress ? createDeflater() : undefined;
    const inflater = codec.compress ? createInflater(maxFrameBytes) : undefined;
    this.#socket = socket;
    this.encoder = new NetIpcEncoder({ slab: this.#slab, messagepack, deflater, maxFrameBytes });
    const decoder = new NetIpcDecoder({ messagepack, inflater, maxFrameBytes });
    const feed = (bytes: Uint8Array) => {
      decoder.feed(bytes, (frame) => this.#frames.push(frame));
      this.#wake?.();
    };
    feed(rest);
    socket.on('data', feed);
    socket.once('close', () => {
      deflater?.close();
      inflater?.close();
    });
  }

  flush(): void {
    for (const bytes of this.#slab.take()) this.#socket.write(bytes);
  }

  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) return frame;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

type Accept = (hello: ClientHello, socket: Socket, rest: Uint8Array) => void;

/** Listens as busbar would; `chunk` is how many bytes the opening gets at a time. */
async function listen(path: string, chunk: number, accept: Accept): Promise<NetServer> {
  const server = createServer((socket) => {
    const opening = new ServerHandshake();
    socket.on('error', () => socket.destroy());
    socket.on('data', function open(bytes: Buffer) {
      for (let at = 0; at < bytes.length; at += chunk) {
        for (const step of opening.feed(bytes.subarray(at, at + chunk))) {
          if (step.type === 'write') socket.write(step.bytes);
          if (step.type !== 'hello') continue;
          socket.off('data', open);
          accept(step.hello, socket, Buffer.concat([step.rest, bytes.subarray(at + chunk)]));
          return;
        }
      }
    });
    closers.push(() => socket.destroy());
  });
  server.listen(path);
  await once(server, 'listening');
  closers.push(() => server.close());
  return server;
}

/** Dials as busbar would, and speaks the codec agreed. */
async function dial(path: string, hello: ClientHello, http: boolean): Promise<{ end: End; id: string }> {
  const socket = connect(path);
  closers.push(() => socket.destroy());
  const opening = new ClientHandshake({ hello, http: http && { host: 'net-ipc', path: '/' } });
  await once(socket, 'connect');
  const opened = new Promise<{ end: End; id: string }>((resolve, reject) => {
    socket.on('data', function open(bytes: Buffer) {
      for (let at = 0; at < bytes.length; at += 1) {
        const step = opening.feed(bytes.subarray(at, at + 1));
        if (step?.type === 'write') socket.write(step.bytes);
        if (step?.type === 'refused') reject(new Error('refused'));
        if (step?.type !== 'open') continue;
        socket.off('data', open);
        resolve({ end: new End(socket, step.hello, bytes.subarray(at + 1)), id: step.hello.id });
        return;
      }
    });
    socket.write(opening.start());
  });
  return opened;
}

async function serveReal(path: string): Promise<Server> {
  const server = new Server({ path });
  await server.start();
  closers.push(async () => {
    for (const connection of server.connections) connection.connection?.destroy();
    await server.close();
    rmSync(path, { force: true });
  });
  return server;
}

for (const codec of codecs) {
  for (const handshake of [false, true]) {
    const name = `${codec.messagepack ? 'MessagePack' : 'JSON'}${codec.compress ? ', deflate' : ''}${handshake ? ', HTTP upgrade' : ''}`;

    describe(`net-ipc client and busbar's end - ${name}`, () => {
      afterEach(closeAll);

      it('opens and carries messages, requests and pings both ways', async () => {
        const path = freePath();
        const opened: { hello: ClientHello; end: End }[] = [];
        await listen(path, 1, (hello, socket, rest) => {
          socket.write(acceptHello({ id: 'given', compress: hello.compress, messagepack: hello.messagepack }));
          opened.push({ hello, end: new End(socket, hello, rest) });
        });
        const client = new Client({ path, ...codec, handshake, reconnect: false });
        closers.push(() => {
          client.destroy();
          client.connection?.destroy();
        });
        await client.connect({ name: 'bot' });
        const [first] = opened;
        if (!first) throw new Error('nothing opened');
        const { end, hello } = first;
        expect(hello).to.deep.equal({ ...codec, extras: { name: 'bot' }, id: null });
        expect(client.id).to.equal('given');

        await client.send(value);
        expect(await end.next()).to.deep.include({ type: 'message', lane: 0, data: value, confirm: false });

        const answer = client.request({ question: 1 });
        const request = await end.next();
        if (request.type !== 'request') throw new Error(`a ${request.type} came`);
        expect(request.data).to.deep.equal({ question: 1 });
        end.encoder.response(0, request.id, value);
        end.flush();
        expect(await answer).to.deep.equal(value);

        const failing = client.request('fail');
        const doomed = await end.next();
        if (doomed.type !== 'request') throw new Error(`a ${doomed.type} came`);
        end.encoder.failure(0, doomed.id, { code: 'ERR_REMOTE', message: 'no' });
        end.flush();
        expect(await failing).to.equal(undefined);

        const pinged = client.ping('p');
        const ping = await end.next();
        if (ping.type !== 'ping') throw new Error(`a ${ping.type} came`);
        end.encoder.pong(ping.id, ping.data);
        end.flush();
        expect(await pinged).to.be.a('number');

        const message = once(client, 'message');
        end.encoder.message(0, value, false);
        end.encoder.request(0, 46_655, 'who', 5_000);
        client.on('request', (data: unknown, respond: (reply: unknown) => unknown) => void respond([data]));
        end.flush();
        expect((await message)[0]).to.deep.equal(value);
        expect(await end.next()).to.deep.include({ type: 'response', id: 46_655, data: ['who'] });

        end.encoder.ping(7, null);
        end.flush();
        expect(await end.next()).to.deep.include({ type: 'pong', id: 7, data: null });

        await client.close('bye');
        expect(await end.next()).to.deep.include({
          type: 'end',
          reason: 'bye',
          allowReconnect: false,
          code: undefined,
        });
      });
    });

    describe(`busbar's end and net-ipc server - ${name}`, () => {
      afterEach(closeAll);

      it('opens with an offer the server passes over, and carries every kind of packet', async () => {
        const path = freePath();
        const server = await serveReal(path);
        const errors: unknown[] = [];
        const extras: unknown[] = [];
        server.on('error', (error: unknown) => errors.push(error));
        server.on('connect', (_: unknown, payload: unknown) => extras.push(payload));
        server.on('request', (data: unknown, respond: (reply: unknown) => unknown) => void respond({ echo: data }));
        const hello = { ...codec, extras: { name: 'bot' }, id: null, busbar: offer };
        const { end, id } = await dial(path, hello, handshake);
        expect(extras).to.deep.equal([{ name: 'bot' }]);
        expect(server.connections[0]?.id).to.equal(id);

        const message = once(server, 'message');
        end.encoder.message(0, value, false);
        end.encoder.request(0, 35, value, undefined);
        end.encoder.ping(5, 'p');
        end.flush();
        expect((await message)[0]).to.deep.equal(value);
        expect(await end.next()).to.deep.include({ type: 'response', id: 35, data: { echo: value } });
        expect(await end.next()).to.deep.include({ type: 'pong', id: 5, data: 'p' });

        const gone = once(server, 'disconnect');
        const asked = server.connections[0]?.request('who');
        const request = await end.next();
        if (request.type !== 'request') throw new Error(`a ${request.type} came`);
        end.encoder.response(0, request.id, undefined);
        end.encoder.end('done', true, 'ERR_CLOSED');
        end.flush();
        expect(await asked).to.equal(undefined);
        await server.connections[0]?.close('enough', true);
        expect(await end.next()).to.deep.include({ type: 'end', reason: 'enough', allowReconnect: true });
        expect((await gone)[1]).to.equal('done');
        expect(errors).to.deep.equal([]);
      });
    });
  }
}

describe('refusing a net-ipc client', () => {
  afterEach(closeAll);

  for (const codec of codecs) {
    it(`settles its connect and brings the reason with close - ${JSON.stringify(codec)}`, async () => {
      const path = freePath();
      let attempts = 0;
      await listen(path, 64, (hello, socket) => {
        attempts += 1;
        socket.end(refusal('ERR_UNAUTHORIZED', 'permission denied', false, hello));
      });
      const client = new Client({ path, ...codec });
      const closed = once(client, 'close');
      await client.connect();
      expect(await closed).to.deep.equal(['permission denied']);
      expect(attempts).to.equal(1);
      // What the client was told about codecs would otherwise stay with it for its next connect().
      expect([client.options.compress, client.options.messagepack]).to.deep.equal([codec.compress, codec.messagepack]);
    });
  }

  it('lets a client that may come back come back', async () => {
    const path = freePath();
    let attempts = 0;
    await listen(path, 64, (hello, socket, rest) => {
      attempts += 1;
      if (attempts === 1) {
        socket.end(refusal('ERR_SERVER_FULL', 'full', true, hello));
        return;
      }
      socket.write(acceptHello({ id: 'second', compress: false, messagepack: false }));
      new End(socket, hello, rest);
    });
    const client = new Client({ path });
    closers.push(() => {
      client.destroy();
      client.connection?.destroy();
    });
    await client.connect();
    expect([attempts, client.id]).to.deep.equal([2, 'second']);
  });
});
