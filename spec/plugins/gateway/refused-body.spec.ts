import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { HttpServer, WebSocketServer } from '../../../lib/plugins/gateway/index.ts';
import { certificate } from '../../support/certificate.ts';
import { freePort, nginx, startNginx } from '../../support/nginx.ts';
import { curl, hasCurl } from './curl.ts';

/** Writes all of it, and only then reads the status; the code of the error where none came. */
function statusAfterAll(socket: Socket, head: string, bytes: number, chunked: boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('data', (part) => (text += String(part)));
    socket.on('close', () => resolve(text.split(' ')[1] ?? 'closed without a word'));
    socket.pause();
    socket.write(`${head}${chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`}\r\n\r\n`);
    let left = bytes;
    const more = (): void => {
      if (left === 0) {
        socket.write(chunked ? '0\r\n\r\n' : '', () => setImmediate(() => socket.resume()));
        return;
      }
      const piece = Math.min(left, 65_536);
      left -= piece;
      if (chunked) socket.write(`${piece.toString(16)}\r\n`);
      socket.write(Buffer.alloc(piece));
      socket.write(chunked ? '\r\n' : '', (error) => error ?? setImmediate(more));
    };
    more();
  });
}

describe('gateway, bodies that are refused', function () {
  const servers: (HttpServer | WebSocketServer)[] = [];

  async function serve(tls?: object): Promise<number> {
    const server = new HttpServer({ deferred: false, maxBodyBytes: 100_000, tls });
    servers.push(server);
    server.addRoute('/in');
    return server.startListening(0);
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stopListening()));
  });

  const ends: Readonly<Record<string, object | undefined>> = { HTTP: undefined, HTTPS: certificate };
  for (const [name, tls] of Object.entries(ends)) {
    for (const [path, status] of [
      ['/in', '413'],
      ['/elsewhere', '404'],
    ]) {
      for (const chunked of [false, true]) {
        it(`${name}, ${chunked ? 'chunked' : 'announced'} - a client that reads only once it wrote all reads ${status}`, async () => {
          const port = await serve(tls);
          // One that is announced as too large is too large whatever its path is.
          for (const bytes of path === '/elsewhere' && !chunked ? [100_000] : [1_000_000, 5_000_000]) {
            const socket =
              tls === undefined
                ? connect(port, '127.0.0.1')
                : connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
            const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n`;
            expect(await statusAfterAll(socket, head, bytes, chunked), `${bytes} bytes`).to.equal(status);
          }
        });
      }
    }
  }

  it('a WebSocket server - answers 426 to a body too, and 404 to one who speaks before he was let in', async () => {
    const server = new WebSocketServer({ deferred: false, path: '/here' });
    servers.push(server);
    const port = await server.startListening(0);
    const open = (): Socket => connect(port, '127.0.0.1');
    expect(await statusAfterAll(open(), 'POST / HTTP/1.1\r\nHost: x\r\n', 5_000_000, false)).to.equal('426');
    const upgrade =
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    const socket = open();
    let text = '';
    socket.on('data', (part) => (text += String(part))).pause();
    socket.write(upgrade);
    for (let block = 0; block < 50; block++) socket.write(Buffer.alloc(65_536));
    socket.write('', () => socket.resume());
    await once(socket, 'close');
    expect(text).to.match(/^HTTP\/1\.1 404 /);
  });

  for (const buffering of ['on', 'off']) {
    it(`nginx in front, its buffering ${buffering} - shows 413, 20 times of 20`, async function () {
      if (nginx === undefined || !hasCurl) return this.skip();
      const folder = await mkdtemp(join(tmpdir(), 'busbar-nginx-'));
      let child: ChildProcess | undefined;
      try {
        const upstream = await serve();
        const port = await freePort();
        const lines = `client_max_body_size 0; location / { proxy_pass http://127.0.0.1:${upstream};
          proxy_http_version 1.1; proxy_request_buffering ${buffering}; }`;
        child = await startNginx(folder, port, lines);
        for (const bytes of [1_000_000, 5_000_000]) {
          const file = join(folder, String(bytes));
          await curl('-o', file, '-r', `0-${bytes - 1}`, 'file:///dev/zero');
          const seen: string[] = [];
          for (let turn = 0; turn < 20; turn++) {
            const args = ['-o', '/dev/null', '-w', '%{http_code}', '-H', 'Expect:', '--data-binary', `@${file}`];
            seen.push(await curl(...args, `http://127.0.0.1:${port}/in`));
          }
          expect(seen, `${bytes} bytes`).to.deep.equal(Array(20).fill('413'));
        }
      } finally {
        if (child !== undefined) {
          child.kill();
          await once(child, 'close');
        }
        await rm(folder, { recursive: true });
      }
    });
  }
});
