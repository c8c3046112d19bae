import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { certificate } from '../../support/certificate.ts';
import { until } from '../../support/buses.ts';
import { TransferBus } from './support/transfer-bus.ts';

/** A packet of net-ipc. */
function packet(body: string): string {
  return `${String.fromCharCode(0x80 | body.length)}${body}`;
}

describe('interserve on the port of the bus, strangers', () => {
  let bus: TransferBus;
  let sockets: Socket[] = [];

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    await bus.close();
  });

  async function dial(tls: boolean, words: string): Promise<Socket> {
    const to = { port: bus.server.port ?? 0, host: '127.0.0.1' };
    const socket = tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    sockets.push(socket);
    socket.on('error', () => undefined).resume();
    await once(socket, tls ? 'secureConnect' : 'connect');
    socket.write(words);
    return socket;
  }

  const there = (): number => sockets.filter((socket) => !socket.destroyed).length;

  const words: Readonly<Record<string, string>> = {
    'that never finish their head': 'POST /x HTTP/1.1\r\nHost: a\r\n',
    'whose requests are refused': 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
    'whose bodies never end': 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc',
    'who are strangers of the bus': 'IPC',
  };
  for (const tls of [false, true]) {
    for (const [who, said] of Object.entries(words)) {
      it(`${tls ? 'TLS' : 'TCP'} - those ${who} are maxUnauthorized at the most, and gone after handshakeTimeoutMs`, async () => {
        const limits = { maxUnauthorized: 5, handshakeTimeoutMs: 1_500 };
        bus = await TransferBus.start({ share: true }, { ...limits, ...(tls && { tls: certificate }) });
        for (let stranger = 0; stranger < 12; stranger++) await dial(tls, said);
        await until(() => there() <= 5);
        const client = await bus.connect({}, tls ? { tls: { ca: certificate.cert, servername: 'localhost' } } : {});
        expect(client.peer.id).to.be.a('string');
        // A body that is refused is read away for as long as that.
        await until(
          () => there() === 0,
          () => `${there()} strangers to go`,
        );
      });
    }
  }

  for (const [what, said] of [
    ['an HTTP request', 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['the opening of the bus', `IPC${packet('{"t":0,"d":{"id":null}}')}`],
  ] as const) {
    it(`a stranger that had to make room - is not taken any more, whatever it says then: ${what}`, async () => {
      bus = await TransferBus.start({ share: true }, { maxUnauthorized: 1 });
      let connected = 0;
      bus.server.on('connect', () => (connected += 1));
      const to = { port: bus.server.port ?? 0, host: '127.0.0.1', allowHalfOpen: true };
      const first = connect(to).on('error', () => undefined);
      sockets.push(first);
      let heard = '';
      first.on('data', (bytes) => {
        heard += bytes.toString('latin1');
        // At once, while the server still waits for the end of the connection.
        first.write(said, 'latin1');
      });
      first.on('end', () => setTimeout(() => first.end(), 100));
      const closed = once(first, 'close');
      await once(first, 'connect');
      await dial(false, '');
      await closed;
      expect(heard).to.not.equal('').and.not.include('HTTP/1.1');
      expect(connected).to.equal(0);
    });
  }

  it('a peer - keeps its connection for as long as its transfer takes, and counts among no strangers', async () => {
    bus = await TransferBus.start({ share: true, rate: 100_000 }, { maxUnauthorized: 1, handshakeTimeoutMs: 300 });
    bus.transfers.add('map');
    let got = 0;
    bus.transfers.receive('map', (data) => (got = data.length));
    const one = await bus.connect();
    one.transfers.receive('map', (data) => (got = data.length));
    const down = bus.transfers.send('map', Buffer.alloc(150_000), one.peer);
    await once(down as never, 'progress');
    await dial(false, 'GET /x HTTP/1.1\r\nHost: a\r\n');
    await dial(false, 'IPC');
    expect(await down.receipt).to.include({ bytes: 150_000, resumed: 0 });
    expect(got).to.equal(150_000);
  });
});
