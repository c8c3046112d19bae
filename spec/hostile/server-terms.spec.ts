import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Client, type ClientOptions } from '../../lib/index.ts';
import { acceptHello } from '../../lib/wire/handshake/refusal.ts';
import { any, struct } from '../../lib/struct/index.ts';
import type { ServerHello, ServerOffer } from '../../lib/wire/handshake/hello.ts';
import { rejected } from '../support/buses.ts';

const plain = { id: 'k3', compress: false, messagepack: false };
const token = 'q83vASNFZ4mrze8BI0VniQ';
const agreed = { version: 1, features: ['handled'], maxFrameBytes: 65_536 };
const busbar: ServerOffer = { ...agreed, token, outcome: 'fresh', received: 0, graceMs: 1 };

/** What a server says, and the options of a client that never offered it. */
const unasked: Readonly<Record<string, readonly [hello: ServerHello, options: ClientOptions]>> = {
  'record definitions on a link that is not trusted': [{ ...plain, busbar: { ...busbar, features: ['records'] } }, {}],
  'a feature nobody knows': [{ ...plain, busbar: { ...busbar, features: ['other'] } }, {}],
  'contracts, where the client has none': [{ ...plain, busbar: { ...busbar, contracts: ['0123456789abcdef'] } }, {}],
  'the native dialect': [{ ...plain, busbar }, { native: false }],
  'deflate, native': [{ ...plain, compress: true, busbar }, {}],
  'deflate, net-ipc': [{ ...plain, compress: true }, { native: false }],
  'MessagePack, net-ipc': [{ ...plain, messagepack: true }, { native: false }],
};

describe('what a server agrees to', () => {
  let server: Server;
  let answer: ServerHello;
  let client: Client | undefined;

  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(acceptHello(answer)));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    client?.destroy();
    const closed = once(server, 'close');
    server.close();
    await closed;
  });

  const make = (options: ClientOptions): Client => {
    const { port } = server.address() as AddressInfo;
    return (client = new Client({ port, retries: 0, ...options }));
  };

  for (const [name, [hello, options]] of Object.entries(unasked)) {
    it(`${name}, not offered to it - fails the attempt with ERR_PROTOCOL; offered, connects`, async () => {
      answer = hello;
      const error = await rejected(make(options).connect());
      expect([error.code, (error.cause as { code?: string } | undefined)?.code ?? error.code]).to.include(
        'ERR_PROTOCOL',
      );
      expect(client?.id).to.equal(undefined);
      if (name.includes('nobody')) return;
      const offering = { trusted: true, native: hello.busbar !== undefined, contracts: [struct('any', { a: any })] };
      await make({ ...offering, compress: hello.compress, messagepack: hello.messagepack }).connect();
      expect(client?.id).to.equal('k3');
    });
  }
});
