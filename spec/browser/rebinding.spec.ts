import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Browser } from 'playwright-core';
import { Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway, WebSocketServer } from '../../lib/plugins/gateway/index.ts';
import { hasChromium, launch } from './browser-page.ts';

/** A site of somebody's, whose name leads to this machine by now. */
const name = 'rebound.example';

let count = 0;
const closers: (() => Promise<unknown>)[] = [];

async function serve(prepare: (server: Server) => () => number | undefined): Promise<number> {
  const server = new Server({ url: `memory:rebinding-${count++}`, closeTimeoutMs: 200 });
  const port = prepare(server);
  closers.push(() => server.close());
  await server.start();
  return port() ?? 0;
}

interface Door {
  readonly path: string;
  /** Whether pages of the door's own address get in. */
  readonly own: boolean;
  open(ownNames: readonly string[]): Promise<number>;
}

const doors: Readonly<Record<string, Door>> = {
  'the door for pages': {
    path: '/bus',
    own: true,
    open: (ownNames) =>
      serve((server) => {
        const { browser } = server.use(gateway({ browser: { port: 0, ownNames } }));
        return () => browser?.port;
      }),
  },
  'a WebSocketServer': {
    path: '/',
    own: true,
    open: (ownNames) => {
      const server = new WebSocketServer({ deferred: false, ownNames });
      closers.push(() => server.stopListening());
      return server.startListening(0);
    },
  },
  'the drivers of dispatch': {
    path: '/api/server/tcp_dispatch?bearer_token=s&accept=127.0.0.1&port=40001',
    own: false,
    open: () =>
      serve((server) => {
        const face = server.use(dispatch({ port: 0, secret: 's', deviceHost: '127.0.0.1', closeTimeoutMs: 100 }));
        return () => face.webPort;
      }),
  },
  'the joint port': {
    path: '/',
    own: false,
    open: () =>
      serve((server) => {
        const relay = server.use(channels({ joint: { port: 0 } }));
        return () => relay.jointPort;
      }),
  },
};

describe('DNS rebinding, in Chromium', function () {
  let browser: Browser;

  before(async function () {
    if (!hasChromium) this.skip();
    browser = await launch([
      `--host-resolver-rules=MAP ${name} 127.0.0.1`,
      '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,BlockInsecurePrivateNetworkRequests',
    ]);
  });
  after(() => browser?.close());
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** Whether a page at `host` and the port of the door gets a WebSocket of it. */
  async function enters(host: string, port: number, path: string): Promise<boolean> {
    const page = await browser.newPage();
    // What its own server gave the browser before the name came to lead elsewhere.
    await page.route(`http://${host}:${port}/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>page</title>' }),
    );
    await page.goto(`http://${host}:${port}/`);
    const entered = await page.evaluate(
      (url) =>
        new Promise<boolean>((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve(true);
          socket.onerror = () => resolve(false);
        }),
      `ws://${host}:${port}${path}`,
    );
    await page.close();
    return entered;
  }

  for (const [what, { path, own, open }] of Object.entries(doors)) {
    it(`${what} - stays shut to a page of a name that was made to lead here`, async () => {
      const port = await open([]);
      expect(await enters(name, port, path)).to.equal(false);
      expect(await enters('127.0.0.1', port, path)).to.equal(own);
      if (own) expect(await enters(name, await open([name]), path), 'a name of its own').to.equal(true);
    });
  }
});
