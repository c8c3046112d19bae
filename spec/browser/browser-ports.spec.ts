import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Browser } from 'playwright-core';
import type { Client as BrowserClient, definePlugin } from '../../lib/browser/index.ts';
import type { Lane } from '../../lib/index.ts';
import { Client } from '../../lib/index.ts';
import { dispatch, type DispatchOptions } from '../../lib/plugins/dispatch/index.ts';
import { socketFolder } from '../support/links.ts';
import { hasChromium, launch } from './browser-page.ts';
import { bundle } from './bundle.ts';
import { BusPage } from './bus-page.ts';

/** In the page alone. */
declare const page: { readonly Client: typeof BrowserClient; readonly definePlugin: typeof definePlugin };

describe('ports for a page, in Chromium', function () {
  const folder = socketFolder();
  let browser: Browser;
  let script: string;
  let opened: BusPage | undefined;
  let client: Client | undefined;

  before(async function () {
    if (!hasChromium) this.skip();
    const source = `
      import { Client, definePlugin } from 'busbar/browser';
      globalThis.page = { Client, definePlugin };`;
    script = Buffer.from((await bundle(source)).code).toString();
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    folder.remove();
  });

  afterEach(async () => {
    await client?.close();
    client = undefined;
    await opened?.close();
    opened = undefined;
  });

  /** What a page and a client of the bus get that ask for a port of each protocol. */
  async function ask(allow: DispatchOptions['allow']): Promise<Record<string, string[]>> {
    const path = folder.path(`p${Math.random()}`);
    const options = { deviceHost: '127.0.0.1', closeTimeoutMs: 100, ...(allow && { allow }) };
    opened = await BusPage.open(browser, { path, script, prepare: (server) => void server.use(dispatch(options)) });
    client = new Client({ path });
    const ports = client.use(dispatch());
    await client.connect();
    const ofClient: string[] = [];
    for (const protocol of ['tcp', 'udp', 'tls'] as const) {
      const port = ports[protocol]({ port: 0, accept: '127.0.0.1' });
      ofClient.push(
        await port.then(
          () => 'open',
          (error: { code: string }) => error.code,
        ),
      );
    }
    const ofPage = await opened.page.evaluate(async (url) => {
      const lanes: Lane[] = [];
      const bus = new page.Client({ url });
      // The plugin is none of a page's; what it says can be said by hand.
      bus.use(
        page.definePlugin({
          name: 'dispatch',
          server: () => ({ api: undefined }),
          client: (host) => {
            lanes.push(host.lane({}));
            return { api: undefined };
          },
        }),
      );
      await bus.connect();
      const seen: string[] = [];
      for (const [lease, protocol] of ['tcp', 'udp', 'tls'].entries()) {
        const request = { op: 'open', lease, protocol, port: 0, accept: ['127.0.0.1'], multicast: [] };
        const port = lanes[0]?.request(bus, request) ?? Promise.reject(new Error('no lane'));
        seen.push(
          await port.then(
            () => 'open',
            (error: { code: string }) => error.code,
          ),
        );
      }
      return seen;
    }, opened.url);
    return { page: ofPage, client: ofClient };
  }

  it('without allow - a page that came by the gateway gets none, another client does', async () => {
    expect(await ask(undefined)).to.deep.equal({
      page: ['ERR_UNAUTHORIZED', 'ERR_UNAUTHORIZED', 'ERR_UNAUTHORIZED'],
      client: ['open', 'open', 'open'],
    });
  });

  it('allow - is asked for pages too, and may let them', async () => {
    const asked: string[] = [];
    const seen = await ask(
      (peer, { protocol }) => asked.push(`${peer?.linkKind} ${protocol}`) > 0 && protocol !== 'udp',
    );
    expect(seen).to.deep.equal({
      page: ['open', 'ERR_UNAUTHORIZED', 'open'],
      client: ['open', 'ERR_UNAUTHORIZED', 'open'],
    });
    expect(asked).to.include.members(['websocket tcp', 'unix udp']);
  });
});
