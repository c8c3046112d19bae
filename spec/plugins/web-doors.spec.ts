import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway, HttpServer, WebSocketServer } from '../../lib/plugins/gateway/index.ts';
import { certificate } from '../support/certificate.ts';
import { freePort } from './dispatch/device-client.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';

/** A place where WebSockets are opened. */
interface Door {
  readonly port: number;
  readonly path: string;
  readonly tls: boolean;
}

interface Rules {
  readonly origins?: readonly string[] | 'any';
  readonly ownNames?: readonly string[];
}

let count = 0;
const closers: (() => Promise<unknown>)[] = [];

async function serve(prepare: (server: Server) => () => number | undefined): Promise<number> {
  const server = new Server({ url: `memory:web-doors-${count++}`, closeTimeoutMs: 200 });
  const port = prepare(server);
  closers.push(() => server.close());
  await server.start();
  return port() ?? 0;
}

const webSocketServer = (tls?: object) => async (rules: Rules) => {
  const server = new WebSocketServer({ deferred: false, tls, ...rules });
  closers.push(() => server.stopListening());
  return { port: await server.startListening(0), path: '/', tls: tls !== undefined };
};

const sameDoors: Readonly<Record<string, (rules: Rules) => Promise<Door>>> = {
  'a WebSocketServer': webSocketServer(),
  'a WebSocketServer with TLS': webSocketServer(certificate),
  'the WebSocketServer of the plugin': async (rules) => {
    const port = await serve((server) => {
      const { websocket } = server.use(gateway({ websocket: { port: 0, ...rules } }));
      return () => websocket?.port;
    });
    return { port, path: '/', tls: false };
  },
  'the door for pages': async (rules) => {
    const port = await serve((server) => {
      const { browser } = server.use(gateway({ browser: { port: 0, ...rules } }));
      return () => browser?.port;
    });
    return { port, path: '/bus', tls: false };
  },
};

const listedDoors: Readonly<Record<string, (rules: Rules) => Promise<Door>>> = {
  'the drivers of dispatch': async ({ origins }) => {
    const port = await serve((server) => {
      const options = { port: 0, secret: 's', deviceHost: '127.0.0.1', closeTimeoutMs: 100, origins };
      const face = server.use(dispatch(options));
      return () => face.webPort;
    });
    const path = `/api/server/tcp_dispatch?bearer_token=s&accept=127.0.0.1&port=${await freePort()}`;
    return { port, path, tls: false };
  },
  'the joint port': async ({ origins }) => {
    const port = await serve((server) => {
      const relay = server.use(channels({ joint: { port: 0, origins } }));
      return () => relay.jointPort;
    });
    return { port, path: '/', tls: false };
  },
};

/** The head of the answer to a request for a WebSocket, with these lines after (or, where they are named alike, in place of) the usual. */
function ask({ port, path, tls }: Door, more: readonly string[] = [], line = `GET ${path} HTTP/1.1`): Promise<string> {
  const usual = [
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
  ].filter((each) => !more.some((other) => other.split(':')[0] === each.split(':')[0]));
  const lines = [line, ...usual, ...more.filter((each) => !each.endsWith(': -'))];
  return new Promise((resolve) => {
    const to = { port, host: '127.0.0.1' };
    const socket = tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    let text = '';
    socket.on('error', () => undefined).on('close', () => resolve(text));
    socket.on('data', (part) => {
      text += part.toString('latin1');
      if (text.includes('\r\n\r\n')) socket.destroy();
    });
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}

async function statusOf(door: Door, ...more: string[]): Promise<number> {
  return Number((await ask(door, more)).split(' ')[1]);
}

describe('web doors', () => {
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  for (const [name, open] of Object.entries({ ...sameDoors, ...listedDoors })) {
    it(`${name} - ends whoever cuts a message in more than 256 frames`, async () => {
      const { port, path, tls } = await open({});
      const url = `${tls ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`;
      const socket = new WebSocket(url, { rejectUnauthorized: false });
      await once(socket, 'open');
      for (let frames = 0; frames <= 256; frames++) socket.send('x', { fin: false, binary: true });
      const [code] = (await once(socket, 'close')) as [number];
      expect(code).to.equal(1008);
    });
  }

  for (const [name, open] of Object.entries(sameDoors)) {
    it(`${name} - lets in pages of its own origin, and programs`, async () => {
      const door = await open({});
      const { port } = door;
      const [scheme, other] = door.tls ? ['https', 'http'] : ['http', 'https'];
      expect(await statusOf(door), 'a program').to.equal(101);
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `app.localhost:${port}`]) {
        expect(await statusOf(door, `Host: ${host}`, `Origin: ${scheme}://${host}`), host).to.equal(101);
        expect(await statusOf(door, `Host: ${host}`, `Origin: ${other}://${host}`), `${other} ${host}`).to.equal(403);
      }
      const foreign: Readonly<Record<string, readonly string[]>> = {
        'another site': ['Origin: https://evil.example'],
        'another port': [`Origin: ${scheme}://127.0.0.1:1`],
        'another address': [`Origin: ${scheme}://127.0.0.2:${port}`],
        'no name': ['Origin: null'],
        'an empty one': ['Origin: '],
        'two, one of them its own': [`Origin: ${scheme}://127.0.0.1:${port}`, 'Origin: https://evil.example'],
        'a name that was made to lead here': [
          `Host: rebound.example:${port}`,
          `Origin: ${scheme}://rebound.example:${port}`,
        ],
        'a name like an address': [`Host: 127.0.0.1.evil.example`, `Origin: ${scheme}://127.0.0.1.evil.example`],
        'a name like localhost': ['Host: evillocalhost', `Origin: ${scheme}://evillocalhost`],
        'a host that is no name': ['Host: a/b', `Origin: ${scheme}://a`],
      };
      for (const [whose, lines] of Object.entries(foreign)) {
        expect(await statusOf(door, ...lines), whose).to.be.oneOf([400, 403]);
      }
    });

    it(`${name} - counts a name as its own that is listed as such`, async () => {
      const door = await open({ ownNames: ['Bus.example'] });
      const origin = `${door.tls ? 'https' : 'http'}://bus.example:8080`;
      expect(await statusOf(door, 'Host: bus.example:8080', `Origin: ${origin}`)).to.equal(101);
      expect(await statusOf(door, 'Host: evil.example:8080', `Origin: ${origin}`)).to.equal(403);
      expect(await statusOf(door, 'Host: sub.bus.example', `Origin: ${origin}`)).to.equal(403);
    });
  }

  for (const [name, open] of Object.entries(listedDoors)) {
    it(`${name} - lets in programs, and no page`, async () => {
      const door = await open({});
      for (const origin of [`http://127.0.0.1:${door.port}`, 'https://evil.example', 'null', '']) {
        expect(await statusOf(door, `Origin: ${origin}`), origin).to.equal(403);
      }
      expect(await statusOf(door), 'a program').to.equal(101);
    });
  }

  for (const [name, open] of Object.entries({ ...sameDoors, ...listedDoors })) {
    it(`${name} - lets in pages of the origins that are listed, or of any`, async () => {
      const listed = await open({ origins: ['https://app.example'] });
      expect(await statusOf(listed, 'Origin: https://app.example')).to.equal(101);
      const again = await open({ origins: ['https://app.example'] });
      expect(await statusOf(again, 'Origin: http://app.example')).to.equal(403);
      expect(await statusOf(await open({ origins: 'any' }), 'Origin: https://evil.example')).to.equal(101);
    });

    const faults: Readonly<Record<string, readonly [lines: readonly string[], status: number]>> = {
      'another version': [['Sec-WebSocket-Version: 8'], 426],
      'two versions': [['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 8'], 426],
      'no version': [['Sec-WebSocket-Version: -'], 400],
      'no key': [['Sec-WebSocket-Key: -'], 400],
      'a key that is none': [['Sec-WebSocket-Key: x'], 400],
      'two hosts': [['Host: 127.0.0.1', 'Host: 127.0.0.1'], 400],
    };
    it(`${name} - reads handshakes as RFC 6455 says`, async () => {
      const door = await open({});
      for (const [what, [lines, status]] of Object.entries(faults)) {
        const head = await ask(door, lines);
        expect(Number(head.split(' ')[1]), what).to.equal(status);
        if (status === 426 && name !== 'the drivers of dispatch')
          expect(head).to.include('Sec-WebSocket-Version: 13\r\n');
      }
      for (const [line, status] of [
        [`GET ${door.path} HTTP/1.0`, 400],
        [`HEAD ${door.path} HTTP/1.1`, 405],
      ] as const) {
        // What does not begin with a G is taken for a raw peer there.
        if (name === 'the joint port' && status === 405) continue;
        const head = await ask(door, [], line);
        expect(Number(head.split(' ')[1]), line).to.equal(status);
      }
    });
  }

  it('origins - what is no origin is refused by name', () => {
    for (const origins of [['https://app.example/'], ['app.example'], [7], 'all']) {
      const make = (): unknown => new WebSocketServer(JSON.parse(JSON.stringify({ origins })));
      expect(make, JSON.stringify(origins)).to.throw().with.property('code', 'ERR_INVALID_OPTION');
    }
  });
});

/** What a plain HTTP server answers to `lines`. */
function answerTo(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('error', () => undefined).on('close', () => resolve(text));
    socket.on('data', (part) => (text += part.toString('latin1')));
    socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
  });
}

const pages: Readonly<Record<string, () => Promise<readonly [port: number, path: string, status: number]>>> = {
  'an HttpServer': async () => {
    const server = new HttpServer({ deferred: false });
    closers.push(() => server.stopListening());
    server.addRoute('/page');
    server.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => server.sendResponse(clientID, 'ok'));
    return [await server.startListening(0), '/page', 200];
  },
  'an HttpServer, where there is no route': async () => {
    const server = new HttpServer({ deferred: false });
    closers.push(() => server.stopListening());
    return [await server.startListening(0), '/none', 404];
  },
  'the endpoints of interserve': async () => {
    const port = await serve((server) => {
      const transfers = server.use(interserve({ iport: 0 }));
      return () => transfers.port;
    });
    return [port, '/none', 404];
  },
  'the pages of dispatch': async () => {
    const port = await serve((server) => {
      const face = server.use(dispatch({ port: 0, secret: 's', deviceHost: '127.0.0.1', closeTimeoutMs: 100 }));
      return () => face.webPort;
    });
    return [port, '/api/server/healthz', 200];
  },
};

describe('HTTP servers', () => {
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const hosts: Readonly<Record<string, readonly string[]>> = {
    'two hosts': ['Host: a.example', 'Host: b.example'],
    'one host twice': ['Host: a.example', 'hOsT: a.example'],
    'a host behind other lines': ['Host: a.example', 'Accept: */*', 'HOST:b.example'],
    'no host': [],
  };
  for (const [name, open] of Object.entries(pages)) {
    it(`${name} - answers a request that does not name one host with 400`, async () => {
      const [port, path, status] = await open();
      const statusFor = async (lines: readonly string[]): Promise<number> =>
        Number((await answerTo(port, [`GET ${path} HTTP/1.1`, ...lines])).split(' ')[1]);
      expect(await statusFor(['Host: a.example'])).to.equal(status);
      for (const [what, lines] of Object.entries(hosts)) expect(await statusFor(lines), what).to.equal(400);
    });
  }
});

describe('permessage-deflate', () => {
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const offers: Readonly<Record<string, readonly [offer: string, agreed: RegExp | undefined]>> = {
    'an unknown parameter': ['permessage-deflate; unknown=1', undefined],
    'an unknown parameter beside a known one': ['permessage-deflate; client_max_window_bits; x', undefined],
    'a known parameter twice': [
      'permessage-deflate; client_no_context_takeover; client_no_context_takeover',
      undefined,
    ],
    'a value where none is': ['permessage-deflate; client_no_context_takeover=1', undefined],
    'no value where one is': ['permessage-deflate; server_max_window_bits', undefined],
    'a window that is none': ['permessage-deflate; server_max_window_bits=16', undefined],
    'a window with a zero before it': ['permessage-deflate; server_max_window_bits=08', undefined],
    'an unknown extension': ['permessage-unknown', undefined],
    'an older extension': ['x-webkit-deflate-frame', undefined],
    'a known one': ['permessage-deflate; client_max_window_bits', /^permessage-deflate/],
    'a window in quotes': ['permessage-deflate; server_max_window_bits="10"', /server_max_window_bits=10/],
    'a good offer after a bad one': ['permessage-deflate; unknown=1, permessage-deflate', /^permessage-deflate/],
    'a good offer after an unknown one': ['bzip2; level="9",permessage-deflate', /^permessage-deflate/],
  };
  for (const name of ['a WebSocketServer', 'the door for pages'] as const) {
    const open = async (compression: boolean): Promise<Door> => {
      const door = sameDoors[name];
      if (door === undefined) throw new Error('no door');
      return door({ compression } as Rules);
    };
    it(`${name} - agrees on what both know, and declines the rest`, async () => {
      const door = await open(true);
      for (const [what, [offer, agreed]] of Object.entries(offers)) {
        const head = await ask(door, [`Sec-WebSocket-Extensions: ${offer}`]);
        expect(Number(head.split(' ')[1]), what).to.equal(101);
        const extensions = /^sec-websocket-extensions: *(.*)\r$/im.exec(head)?.[1];
        if (agreed === undefined) expect(extensions, what).to.equal(undefined);
        else expect(extensions, what).to.match(agreed);
      }
      for (const nonsense of ['permessage-deflate; =', 'permessage-deflate;;', ', ,', 'a b']) {
        expect(await statusOf(door, `Sec-WebSocket-Extensions: ${nonsense}`), nonsense).to.equal(400);
      }
    });

    it(`${name} - declines all of it where compression is off`, async () => {
      const door = await open(false);
      for (const [what, [offer]] of Object.entries(offers)) {
        const head = await ask(door, [`Sec-WebSocket-Extensions: ${offer}`]);
        expect(Number(head.split(' ')[1]), what).to.equal(101);
        expect(head.toLowerCase(), what).to.not.include('sec-websocket-extensions');
      }
    });
  }
});
