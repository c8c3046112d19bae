import { createServer, type Server, type ServerResponse } from 'node:http';
import {
  connect,
  createServer as createNetServer,
  type AddressInfo,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { once } from 'node:events';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { VirtualClock } from '../../lib/testing/index.ts';
import { linger, lingerAfter } from '../../lib/transport/linger.ts';
import { until } from '../support/buses.ts';

describe('lingering close', () => {
  let server: NetServer | Server;
  const clock = new VirtualClock();
  const sockets: Socket[] = [];

  async function dial(to: NetServer | Server): Promise<Socket> {
    server = to.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
    sockets.push(socket);
    return socket;
  }

  /** Both ends of a connection whose server end lingers. */
  async function lingering(): Promise<{ near: Socket; far: Socket }> {
    const dialled = dial(createNetServer({ allowHalfOpen: true }));
    const near = await dialled;
    const [far] = (await once(server, 'connection')) as [Socket];
    sockets.push(far);
    far.write('no');
    linger(far, clock);
    return { near, far };
  }

  const received = (far: Socket, bytes: number): Promise<void> => until(() => far.bytesRead >= bytes);

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
    await once(server, 'close');
    await until(() => clock.pending === 0);
  });

  it('what was said - is read by a peer that first says all it has, and then the connection ends', async () => {
    const { near, far } = await lingering();
    near.pause();
    near.end(Buffer.alloc(8_000_000));
    let heard = '';
    near.setEncoding('utf8').on('data', (text) => (heard += String(text)));
    await once(near, 'finish');
    near.resume();
    if (!far.destroyed) await once(far, 'close');
    expect(heard).to.equal('no');
    expect(far.bytesRead).to.equal(8_000_000);
  });

  it('a peer that falls silent - is cut off after two seconds', async () => {
    const { near, far } = await lingering();
    near.write('abc');
    await received(far, 3);
    clock.advance(2_000);
    expect(far.destroyed).to.equal(false);
    clock.advance(2_000);
    expect(far.destroyed).to.equal(true);
  });

  it('a peer that never stops - is cut off after thirty seconds', async () => {
    const { near, far } = await lingering();
    for (let second = 1; second < 30; second++) {
      near.write('x');
      await received(far, second);
      clock.advance(1_000);
      expect(far.destroyed, `after ${second} s`).to.equal(false);
    }
    near.write('x');
    await received(far, 30);
    clock.advance(2_000);
    expect(far.destroyed).to.equal(true);
  });

  it('a peer that sends without end - is cut off at 64 MiB', async () => {
    const { near, far } = await lingering();
    const block = Buffer.alloc(1_048_576);
    while (!far.destroyed) await new Promise((resolve) => near.write(block, resolve));
    expect(far.bytesRead).to.be.within(64 * 1_048_576, 80 * 1_048_576);
  });

  it('what follows a refused request on its connection - is no request any more', async () => {
    const paths: unknown[] = [];
    const refuse = (response: ServerResponse): void => {
      lingerAfter(response, clock);
      response.writeHead(413).end('no');
    };
    const near = await dial(
      createServer((request, response) => {
        paths.push(request.url);
        refuse(response);
      }),
    );
    near.write('POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n');
    let heard = '';
    near.setEncoding('utf8').on('data', (text) => (heard += String(text)));
    await once(near, 'end');
    near.end(`${'x'.repeat(100_000)}GET /second HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(near, 'close');
    expect(heard).to.match(/^HTTP\/1\.1 413 .*connection: close/is);
    expect(paths).to.deep.equal(['/first']);
  });
});
