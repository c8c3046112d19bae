import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { WebSocketServerOptions } from '../../../lib/plugins/gateway/index.ts';
import { WebSocketServer } from '../../../lib/plugins/gateway/index.ts';
import { EventLog } from './event-log.ts';
import { RawClient, sayAll } from './raw-client.ts';
import { frame, handshake, WebSocketClient } from './websocket-client.ts';

const accepted = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n';

describe('websocket server, bad input', () => {
  const servers: WebSocketServer[] = [];

  async function serve(options: WebSocketServerOptions = {}) {
    const server = new WebSocketServer({ deferred: false, closeTimeoutMs: 50, ...options });
    servers.push(server);
    const log = new EventLog(server);
    const port = await server.startListening(0);
    const raw = async (more = ''): Promise<RawClient> => {
      const client = new RawClient(port).say(handshake('/', more));
      await client.until('\r\n\r\n');
      expect(client.received).to.include(accepted);
      return client;
    };
    return { server, log, port, raw };
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stopListening()));
  });

  const deflate = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';
  const bomb = deflateRawSync(Buffer.alloc(20_000_000));
  const cases: [shape: string, bytes: () => Buffer, code: number, reason: string, extensions?: string][] = [
    ['invalid UTF-8', () => frame(1, Buffer.from([0xc3, 0x28])), 1007, 'Received invalid UTF-8'],
    ['a frame without a mask', () => Buffer.from([0x81, 0x01, 0x61]), 1002, 'Received invalid WebSocket frame'],
    ['a reserved bit', () => frame(1, 'a', { rsv1: true }), 1002, 'Received invalid WebSocket frame'],
    ['an unknown opcode', () => frame(3, 'a'), 1002, 'Received invalid WebSocket frame'],
    ['a continuation of nothing', () => frame(0, 'a'), 1002, 'Received invalid WebSocket frame'],
    ['a ping in pieces', () => frame(9, 'a', { fin: false }), 1002, 'Received invalid WebSocket frame'],
    ['a ping that is too long', () => frame(9, 'a'.repeat(126)), 1002, 'Received invalid WebSocket frame'],
    ['an invalid close code', () => frame(8, Buffer.from([3, 0xed])), 1002, 'Received invalid close payload'],
    ['a message over its limit', () => frame(2, Buffer.alloc(2000)), 1009, 'Received too big message'],
    ['a bomb', () => frame(2, bomb.subarray(0, 60_000), { rsv1: true }), 1009, 'Received too big message', deflate],
    [
      'bytes that do not inflate',
      () => frame(2, Buffer.alloc(9, 255), { rsv1: true }),
      1007,
      'Received too big message, or other inflation error',
      deflate,
    ],
  ];
  for (const [shape, bytes, code, reason, extensions] of cases) {
    it(`frames - ${shape}: closed with ${code}, and nothing is delivered`, async () => {
      const { server, log, raw } = await serve({ maxPayloadBytes: 1000 });
      const client = await raw(extensions);
      client.socket.write(bytes());
      const closed = await log.until('WEBSOCKET_CONNECTION_CLOSED');
      expect([closed.code, closed.message.toString()]).to.deep.equal([code, reason]);
      expect(server.getNumConnectedClients()).to.equal(0);
      const answer = Buffer.from(await client.closed(), 'latin1');
      const close = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
      expect([close[0], close.readUInt16BE(2)]).to.deep.equal([0x88, code]);
      expect(log.names).to.not.include('WEBSOCKET_MESSAGE_RECEIVED');
    });
  }

  it('frames - a flood of fragments of one message is ended, by their size and by their number', async () => {
    const { log, raw } = await serve({ maxPayloadBytes: 1000 });
    const large = await raw();
    large.socket.write(frame(2, Buffer.alloc(600), { fin: false }));
    large.socket.write(frame(0, Buffer.alloc(600), { fin: false }));
    expect((await log.until('WEBSOCKET_CONNECTION_CLOSED')).code).to.equal(1009);
    await large.closed();
    const many = await raw();
    const empty = frame(0, '', { fin: false });
    many.socket.write(Buffer.concat([frame(2, '', { fin: false }), ...Array.from({ length: 300 }, () => empty)]));
    await log.until('WEBSOCKET_CONNECTION_CLOSED', 2);
    await many.closed();
    expect(log.names).to.not.include('WEBSOCKET_MESSAGE_RECEIVED');
  });

  it('frames - a message in pieces, cut at every byte, with a ping between, comes as one', async () => {
    const { log, raw } = await serve();
    const client = await raw();
    const bytes = Buffer.concat([
      frame(1, 'gr', { fin: false }),
      frame(9, 'p'),
      frame(0, '\u00fc', { fin: false }),
      frame(0, 'n'),
    ]);
    client.socket.setNoDelay(true);
    for (const byte of bytes) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await log.until('WEBSOCKET_MESSAGE_RECEIVED')).message.toString()).to.equal('gr\u00fcn');
    expect(await client.until('\x8a\x01p')).to.be.a('string');
    client.socket.destroy();
    await log.until('WEBSOCKET_CONNECTION_CLOSED');
  });

  it('handshake - a key, version or method that is not right is refused, and so is what is no upgrade', async () => {
    const { log, port } = await serve();
    const wrong = [
      handshake().replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'),
      handshake().replace(/Sec-WebSocket-Key.*\r\n/, ''),
      handshake().replace('Version: 13', 'Version: 7'),
      handshake().replace('GET', 'POST'),
      handshake().replace('Upgrade: websocket', 'Upgrade: other'),
    ];
    for (const request of wrong) expect(await sayAll(port, request)).to.match(/^HTTP\/1\.1 4(00|05|26) /);
    expect(await sayAll(port, `${handshake().slice(0, -2)}${'A: b\r\n'.repeat(120)}\r\n`)).to.match(/^HTTP\/1\.1 431 /);
    expect(log.of('WEBSOCKET_CONNECTION_ESTABLISHED')).to.have.length(0);
  });

  it('pings - a client that floods with them and reads nothing gets no heap of pongs', async () => {
    const { server, log, raw } = await serve({ drainTimeoutMs: 200 });
    const client = await raw();
    client.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(9, 'x'.repeat(125))));
    let ended = false;
    void log.until('WEBSOCKET_CONNECTION_CLOSED').then(() => {
      ended = true;
    });
    const before = process.memoryUsage().rss;
    while (!ended) {
      if (!client.socket.write(pings)) {
        await Promise.race([
          new Promise((resolve) => client.socket.once('drain', resolve)),
          new Promise((resolve) => client.socket.once('close', resolve)),
        ]);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().rss - before).to.be.lessThan(100_000_000);
    expect(server.getNumConnectedClients()).to.equal(0);
    client.socket.destroy();
  });

  it('close - a client that never answers it is cut off in time', async () => {
    const { server, log, raw } = await serve();
    const client = await raw();
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    server.closeClient(clientID, 1000, 'over');
    expect((await log.until('WEBSOCKET_CONNECTION_CLOSED')).message.toString()).to.equal(
      'The close frame was not answered',
    );
    await client.closed();
  });

  it('another client - hears nothing of what a bad one sent', async () => {
    const { server, log, port, raw } = await serve({ maxPayloadBytes: 1000 });
    server.setEchoMode(true);
    const good = new WebSocketClient(`ws://127.0.0.1:${port}/`);
    await good.opened;
    const bad = await raw();
    bad.socket.write(frame(2, Buffer.alloc(2000)));
    await log.until('WEBSOCKET_CONNECTION_CLOSED');
    good.ws.send('mine');
    expect(await good.until(1)).to.deep.equal(['mine']);
    await bad.closed();
    good.ws.close();
    await good.closed;
  });
});
