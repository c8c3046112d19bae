import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Browser, Page } from 'playwright-core';
import type { Client as BrowserClient } from '../../lib/browser/index.ts';
import type { Server } from '../../lib/index.ts';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { socketFolder } from '../support/links.ts';
import type { BreakableProxy } from './breakable-proxy.ts';
import { hasChromium, launch } from './browser-page.ts';
import { bundle } from './bundle.ts';
import { until } from '../support/buses.ts';
import { BusPage } from './bus-page.ts';

/** In the page alone. */
declare const Client: typeof BrowserClient;

describe('browser client, in Chromium', function () {
  const folder = socketFolder();
  let browser: Browser;
  let script: string;
  let objectScript: string;
  let page: Page;
  let server: Server;
  let network: BreakableProxy;
  let url: string;
  let heard: readonly string[];
  let opened: BusPage | undefined;

  before(async function () {
    if (!hasChromium) this.skip();
    const source = "import { Client } from 'busbar/browser'; Object.assign(globalThis, { Client })";
    script = Buffer.from((await bundle(source)).code).toString();
    const objects = "import { proxy, remote } from 'busbar/rpc'; Object.assign(globalThis, { proxy, remote })";
    objectScript = Buffer.from((await bundle(`${source}; ${objects}`)).code).toString();
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    folder.remove();
  });

  interface Terms {
    readonly authorize?: (payload: unknown) => boolean;
    readonly origins?: readonly string[] | 'same' | 'any';
    /** Beside the client. */
    readonly objects?: boolean;
    readonly compression?: boolean;
  }

  async function open({ authorize, origins = 'any', objects = false, compression = false }: Terms = {}): Promise<void> {
    const path = folder.path(`b${Math.random()}`);
    const terms = { path, authorize, origins, compression };
    opened = await BusPage.open(browser, { ...terms, script: objects ? objectScript : script });
    ({ server, page, network, url, heard } = opened);
  }

  async function close(): Promise<void> {
    await opened?.close();
    opened = undefined;
  }

  afterEach(close);

  it('request, message, survey and abort - as in Node, under a policy without unsafe-eval', async () => {
    await open();
    const messages: unknown[] = [];
    server.handle((data: unknown, { signal }: { signal: AbortSignal }) => {
      if (data === 'never')
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('x'))));
      return { echo: data };
    });
    server.on('message', (data) => void messages.push(data));
    const result = await page.evaluate(async (address) => {
      const client = new Client({ url: address });
      client.handle((data: unknown) => ({ page: data }));
      await client.connect({ name: 'page' });
      Object.assign(globalThis, { client });
      const { echo } = (await client.request({
        text: 'grün',
        list: [1, 2.5, -3, null, true],
        bytes: new Uint8Array([1, 2]),
      })) as { echo: { bytes: Uint8Array } };
      const aborted = new AbortController();
      const waiting = client
        .request('never', { signal: aborted.signal })
        .catch((error: { code: string }) => error.code);
      aborted.abort();
      await client.send({ hello: 'bus' });
      await client.flush();
      return {
        echo: { ...echo, bytes: [...echo.bytes] },
        aborted: await waiting,
        delivery: client.delivery,
        ping: await client.ping(),
      };
    }, url);
    expect(result.echo).to.deep.equal({ text: 'grün', list: [1, 2.5, -3, null, true], bytes: [1, 2] });
    expect(result.aborted).to.equal('ERR_ABORTED');
    expect(result.delivery).to.equal('session');
    expect(result.ping).to.be.a('number');
    expect(messages).to.deep.equal([{ hello: 'bus' }]);
    expect(server.connections[0]).to.include({ linkKind: 'websocket', remoteAddress: '127.0.0.1' });
    const survey = await server.survey('who?');
    expect(survey).to.deep.equal([{ status: 'fulfilled', value: { page: 'who?' } }]);
    expect(heard).to.deep.equal([]);
  });

  it('lost network - the session resumes, and no message is lost, doubled or out of order, either way', async () => {
    await open();
    const received: unknown[] = [];
    server.on('message', (data) => void received.push(data));
    let resumed = 0;
    await page.evaluate(async (address) => {
      const client = new Client({ url: address });
      const state = { client, received: [] as unknown[], outcomes: [] as string[], sent: 0 };
      Object.assign(globalThis, { state });
      client.on('message', (data: unknown) => void state.received.push(data));
      client.on('session', ({ outcome }: { outcome: string }) => state.outcomes.push(outcome));
      await client.connect();
      setInterval(() => {
        for (let n = 0; n < 10; n++) void client.send(state.sent++);
      }, 2);
    }, url);
    const [connection] = server.connections;
    let sent = 0;
    const sending = setInterval(() => {
      for (let n = 0; n < 10; n++) void connection?.send(sent++);
    }, 2);
    for (let cut = 0; cut < 4; cut++) {
      const target = received.length + 300;
      await until(
        () => received.length >= target,
        () => `message ${target} of the page, ${received.length} came`,
      );
      network.break();
      await new Promise((resolve) => setTimeout(resolve, 150));
      network.mend();
      resumed += 1;
      await page.waitForFunction(
        (count) => (globalThis as never as { state: { outcomes: string[] } }).state.outcomes.length > count,
        resumed,
      );
    }
    clearInterval(sending);
    type State = {
      state: { client: { close(): Promise<boolean> }; received: unknown[]; outcomes: string[]; sent: number };
    };
    await page.waitForFunction((count) => (globalThis as never as State).state.received.length >= count, sent);
    const state = await page.evaluate(async () => {
      const { client, ...rest } = (globalThis as never as State).state;
      const { sent: count } = rest;
      await client.close();
      return { ...rest, sent: count };
    });
    expect(state.outcomes).to.deep.equal(['fresh', 'resumed', 'resumed', 'resumed', 'resumed']);
    expect(state.received).to.deep.equal(Array.from({ length: sent }, (_, n) => n));
    expect(received.slice(0, state.sent)).to.deep.equal(Array.from({ length: state.sent }, (_, n) => n));
  });

  it('refusals - a page that is not authorised, a door that is not there and an address that is none have their codes', async () => {
    await open({ authorize: (payload) => payload === 'password' });
    const codes = await page.evaluate(async (address) => {
      const attempt = async (options: object, payload: unknown): Promise<string> => {
        try {
          await new Client({ retries: 0, ...options }).connect(payload);
          return 'connected';
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      return [
        await attempt({ url: address }, 'wrong'),
        await attempt({ url: address }, 'password'),
        await attempt({ url: `${address}/elsewhere` }, 'password'),
        await attempt({ url: 'ftp://nowhere' }, 'password'),
        await attempt({}, 'password'),
      ];
    }, url);
    expect(codes).to.deep.equal([
      'ERR_UNAUTHORIZED',
      'connected',
      'ERR_CONNECT',
      'ERR_INVALID_OPTION',
      'ERR_INVALID_OPTION',
    ]);
  });

  it('large messages - cross both ways with back-pressure', async () => {
    await open();
    server.handle((data: unknown) => data);
    const sizes = await page.evaluate(async (address) => {
      const client = new Client({ url: address });
      await client.connect();
      const echoes = await Promise.all(
        Array.from({ length: 4 }, (_, n) => client.request(new Uint8Array(4_000_000).fill(n), 30_000)),
      );
      return (echoes as Uint8Array[]).map((echo, n) => [echo.length, echo.every((byte) => byte === n)]);
    }, url);
    expect(sizes).to.deep.equal(Array.from({ length: 4 }, () => [4_000_000, true]));
  });

  it('compression - of the door makes what pages are sent smaller, and nothing else different', async () => {
    const bytesToPage = async (compression: boolean): Promise<number> => {
      await open({ compression });
      server.handle((data: unknown) => ({ text: 'ten bytes '.repeat(20_000), data }));
      const answer = await page.evaluate(async (address) => {
        const client = new Client({ url: address });
        await client.connect();
        const question = 'a question '.repeat(2_000);
        const { text, data } = (await client.request(question)) as { text: string; data: string };
        return [text.length, data === question];
      }, url);
      expect(answer).to.deep.equal([200_000, true]);
      const bytes = network.bytesToPage;
      await close();
      return bytes;
    };
    expect(await bytesToPage(false)).to.be.above(220_000);
    expect(await bytesToPage(true)).to.be.below(20_000);
  });

  it('door - pages of other origins are refused unless they are named', async () => {
    const attempt = async (origins: Terms['origins']): Promise<string> => {
      await open({ ...(origins && { origins }) });
      const code = await page.evaluate(async (address) => {
        try {
          await new Client({ url: address, retries: 0 }).connect();
          return 'connected';
        } catch (error) {
          return (error as { code: string }).code;
        }
      }, url);
      await close();
      return code;
    };
    expect(await attempt('same')).to.equal('ERR_CONNECT');
    expect(await attempt(['https://good.example'])).to.equal('ERR_CONNECT');
    expect(await attempt('any')).to.equal('connected');
  });

  it('remote objects - are offered and called from a page, with functions and streams', async () => {
    await open({ objects: true });
    remote(server, {
      add: (a: number, b: number) => a + b,
      each: async (list: unknown[], visit: (item: unknown) => unknown) => {
        for (const item of list) await visit(item);
      },
      async *countTo(last: number) {
        for (let item = 1; item <= last; item++) yield item;
      },
    });
    const result = await page.evaluate(async (address) => {
      const { proxy: proxyOf, remote: offer } = globalThis as unknown as { proxy: typeof proxy; remote: typeof remote };
      const client = new Client({ url: address });
      await client.connect();
      offer(client, { title: (prefix: string) => `${prefix} ${document.title}` });
      interface Calls {
        add(a: number, b: number): number;
        each(list: unknown[], visit: (item: unknown) => void): void;
        countTo(last: number): AsyncIterable<number>;
      }
      const calls = proxyOf<Calls>(client);
      const visited: unknown[] = [];
      await calls.each(['a', 'b'], (item) => void visited.push(item));
      const counted: number[] = [];
      for await (const item of await calls.countTo(3)) counted.push(item);
      return { sum: await calls.add(2, 3), visited, counted };
    }, url);
    expect(result).to.deep.equal({ sum: 5, visited: ['a', 'b'], counted: [1, 2, 3] });
    const [connection] = server.connections;
    if (connection === undefined) throw new Error('nobody is connected');
    expect(await proxy<{ title(prefix: string): string }>(connection).title('the')).to.equal('the page');
  });
});
