import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Browser } from 'playwright-core';
import type { Client as BrowserClient } from '../../lib/browser/index.ts';
import { Client } from '../../lib/index.ts';
import type { Rooms } from '../../lib/plugins/channels/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { socketFolder } from '../support/links.ts';
import { hasChromium, launch } from './browser-page.ts';
import { bundle } from './bundle.ts';
import { until } from '../support/buses.ts';
import { BusPage } from './bus-page.ts';

/** In the page alone. */
interface PageGlobals {
  readonly Client: typeof BrowserClient;
  readonly channels: typeof channels;
  readonly proxy: typeof proxy;
  readonly remote: typeof remote;
}

describe('channels in a page, in Chromium', function () {
  const folder = socketFolder();
  let browser: Browser;
  let script: string;
  let opened: BusPage | undefined;
  let client: Client | undefined;

  before(async function () {
    if (!hasChromium) this.skip();
    const source = `
      import { Client } from 'busbar/browser';
      import { channels } from 'busbar/channels';
      import { proxy, remote } from 'busbar/rpc';
      Object.assign(globalThis, { Client, channels, proxy, remote });`;
    script = Buffer.from((await bundle(source)).code).toString();
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    folder.remove();
  });

  /** A page, and the rooms of a Node client on the same bus. */
  async function open(): Promise<{ bus: BusPage; rooms: Rooms }> {
    const path = folder.path(`c${Math.random()}`);
    const bus = await BusPage.open(browser, { path, script, prepare: (server) => void server.use(channels()) });
    opened = bus;
    const node = new Client({ path });
    client = node;
    const rooms = node.use(channels());
    await node.connect();
    return { bus, rooms };
  }

  afterEach(async () => {
    await client?.close();
    client = undefined;
    await opened?.close();
    opened = undefined;
  });

  it('room of a Node client - a page enters it, and data and chunks go both ways, as what each side has for bytes', async () => {
    const { bus, rooms } = await open();
    const owner = await rooms.create('lobby');
    const heard: unknown[] = [];
    owner.on('userConnect', (user, { joint }) => {
      heard.push(['userConnect', user, joint]);
      void owner.send(user, Buffer.from('welcome'));
      void owner.sendChunk(user, new Uint8Array(30_000).fill(7));
      void owner.broadcast(Buffer.from('to all'));
    });
    for (const event of ['data', 'chunk'] as const) {
      owner.on(event, (bytes, user) => heard.push([event, user, Buffer.isBuffer(bytes), bytes.toString()]));
    }
    owner.on('userDisconnect', (user, reason) => heard.push(['userDisconnect', user, reason]));
    const inPage = await bus.page.evaluate(async (url) => {
      const { Client: PageClient, channels: plugin } = globalThis as unknown as PageGlobals;
      const page = new PageClient({ url });
      const pageRooms = page.use(plugin());
      await page.connect();
      const user = await pageRooms.enter('lobby');
      const got: unknown[] = [];
      const three = new Promise<void>((resolve) => {
        const hear = (event: string, bytes: Uint8Array): void => {
          const text = bytes.length > 100 ? bytes.length : new TextDecoder().decode(bytes);
          got.push([event, bytes.constructor.name, text]);
          if (got.length === 3) resolve();
        };
        user.on('data', (bytes) => hear('data', bytes));
        user.on('chunk', (bytes) => hear('chunk', bytes));
      });
      await three;
      const listed = await pageRooms.list();
      await user.send(new TextEncoder().encode('thanks'));
      await user.sendChunk(new TextEncoder().encode('a chunk'));
      user.leave();
      await page.flush();
      const missing = await pageRooms.enter('nowhere').catch((error: { code: string; reason: number }) => error);
      return {
        got,
        listed,
        code: 'code' in missing ? missing.code : '',
        reason: 'reason' in missing && missing.reason,
      };
    }, bus.url);
    expect(inPage.got).to.deep.equal([
      ['data', 'Uint8Array', 'welcome'],
      ['chunk', 'Uint8Array', 30_000],
      ['data', 'Uint8Array', 'to all'],
    ]);
    expect(inPage.listed).to.deep.equal([{ id: 'lobby', users: 1, maxUsers: 256 }]);
    expect(inPage).to.include({ code: 'ERR_CHANNEL', reason: 10 });
    await until(() => heard.length >= 4);
    expect(heard).to.deep.equal([
      ['userConnect', 0, false],
      ['data', 0, true, 'thanks'],
      ['chunk', 0, true, 'a chunk'],
      ['userDisconnect', 0, 1],
    ]);
    // Of generated code too, which the page's policy forbids.
    expect(bus.heard).to.deep.equal([]);
  });

  it('room of a page - Node clients enter it, and a lost network neither empties it nor loses, doubles or reorders a chunk', async () => {
    const { bus, rooms } = await open();
    await bus.page.evaluate(async (url) => {
      const { Client: PageClient, channels: plugin } = globalThis as unknown as PageGlobals;
      const page = new PageClient({ url });
      const outcomes: string[] = [];
      page.on('session', ({ outcome }) => outcomes.push(outcome));
      const pageRooms = page.use(plugin());
      await page.connect();
      const owner = await pageRooms.create('arena');
      const left: unknown[] = [];
      owner.on('userDisconnect', (...event) => left.push(event));
      owner.on('chunk', (bytes, user) => void owner.sendChunk(user, bytes));
      Object.assign(globalThis, { state: { outcomes, left } });
    }, bus.url);
    const user = await rooms.enter('arena');
    const echoed: number[] = [];
    let isBuffer = true;
    user.on('chunk', (bytes) => {
      isBuffer &&= Buffer.isBuffer(bytes);
      echoed.push(Buffer.from(bytes).readUInt32LE(0));
    });
    let sent = 0;
    const sending = setInterval(() => {
      for (let n = 0; n < 10; n++) {
        const chunk = Buffer.alloc(64);
        chunk.writeUInt32LE(sent++);
        void user.sendChunk(chunk);
      }
    }, 2);
    type State = { readonly state: { readonly outcomes: readonly string[]; readonly left: readonly unknown[] } };
    for (let cut = 1; cut <= 3; cut++) {
      const target = echoed.length + 200;
      await until(() => echoed.length >= target);
      bus.network.break();
      await new Promise((resolve) => setTimeout(resolve, 100));
      bus.network.mend();
      await bus.page.waitForFunction((count) => (globalThis as never as State).state.outcomes.length > count, cut);
    }
    clearInterval(sending);
    await until(() => echoed.length >= sent);
    expect(echoed).to.deep.equal(Array.from({ length: sent }, (_, n) => n));
    expect(isBuffer).to.equal(true);
    expect(await bus.page.evaluate(() => (globalThis as never as State).state)).to.deep.equal({
      outcomes: ['fresh', 'resumed', 'resumed', 'resumed'],
      left: [],
    });
  });

  it('topics - are published and subscribed with wildcards, either way', async () => {
    const { bus, rooms } = await open();
    await bus.page.evaluate(async (url) => {
      const { Client: PageClient, channels: plugin } = globalThis as unknown as PageGlobals;
      const page = new PageClient({ url });
      const pageRooms = page.use(plugin());
      const got: unknown[] = [];
      const answered = (data: unknown, topic: string): void => {
        got.push([topic, data]);
        void pageRooms.publish(`answer.${topic}`, { got: data });
      };
      pageRooms.subscribe('world.*.chat', answered);
      await page.connect();
      await page.flush();
      Object.assign(globalThis, { got });
    }, bus.url);
    const answers: unknown[] = [];
    rooms.subscribe('answer.>', (data, topic) => answers.push([topic, data]));
    await rooms.publish('world.1.chat', 'hello');
    await rooms.publish('world.1.2.chat', 'too deep');
    await rooms.publish('other.1.chat', 'elsewhere');
    await rooms.publish('world.grün.chat', new Uint8Array([1, 2]));
    await until(() => answers.length >= 2);
    expect(answers).to.deep.equal([
      ['answer.world.1.chat', { got: 'hello' }],
      ['answer.world.grün.chat', { got: new Uint8Array([1, 2]) }],
    ]);
    expect(await bus.page.evaluate(() => (globalThis as never as { got: unknown[] }).got.length)).to.equal(2);
  });

  it('remote objects - are called through a room either way, with a callback, a stream and a notice', async () => {
    const { bus, rooms } = await open();
    const owner = await rooms.create('objects');
    const noted: unknown[] = [];
    remote(owner, {
      each: async (list: unknown[], visit: (item: unknown) => Promise<unknown>) => {
        const results: unknown[] = [];
        for (const item of list) results.push(await visit(item));
        return new Set(results);
      },
      async *countTo(last: number) {
        for (let item = 1; item <= last; item++) yield item;
      },
      note: (data: unknown) => void noted.push(data),
    });
    const inPage = await bus.page.evaluate(async (url) => {
      const globals = globalThis as unknown as PageGlobals;
      const page = new globals.Client({ url });
      const pageRooms = page.use(globals.channels());
      await page.connect();
      const user = await pageRooms.enter('objects');
      globals.remote(user, {
        title: (prefix: string, bytes: Uint8Array) =>
          `${prefix} ${document.title} ${bytes.constructor.name} ${bytes[1]}`,
      });
      interface Calls {
        each(list: unknown[], visit: (item: number) => number): Set<number>;
        countTo(last: number): AsyncIterable<number>;
        note(data: unknown): void;
      }
      const calls = globals.proxy<Calls>(user);
      const squares = await calls.each([1, 2, 3], (item) => item * item);
      const counted: number[] = [];
      for await (const item of await calls.countTo(20)) counted.push(item);
      await calls.$notify.note({ from: 'page', bytes: new Uint8Array([5]) });
      const failed = await (calls as unknown as { missing(): Promise<unknown> })
        .missing()
        .catch((error: { code: string }) => error.code);
      return { squares: [...squares], counted, failed };
    }, bus.url);
    expect(inPage).to.deep.equal({
      squares: [1, 4, 9],
      counted: Array.from({ length: 20 }, (_, index) => index + 1),
      failed: 'ERR_NO_METHOD',
    });
    expect(noted).to.deep.equal([{ from: 'page', bytes: new Uint8Array([5]) }]);
    interface Page {
      title(prefix: string, bytes: Uint8Array): string;
    }
    expect(await proxy<Page>(owner, 0).title('the', Buffer.from([8, 9]))).to.equal('the page Uint8Array 9');
    expect(bus.heard).to.deep.equal([]);
  });

  it('offline rooms - live in the page alone, without a connection', async () => {
    const { bus } = await open();
    const inPage = await bus.page.evaluate(async () => {
      const globals = globalThis as unknown as PageGlobals;
      const rooms = new globals.Client({ url: 'ws://nowhere.invalid/bus' }).use(globals.channels());
      const line = { offline: true, netLag: 1 };
      const missing = await rooms.enter('arena', line).catch((error: { reason: number }) => error);
      const owner = await rooms.create('arena', line);
      globals.remote(owner, { double: (value: number) => 2 * value });
      owner.on('chunk', (bytes, user) => void owner.sendChunk(user, bytes.reverse()));
      const user = await rooms.enter('arena', line);
      const echoed = new Promise<number[]>((resolve) => user.on('chunk', (bytes) => resolve([...bytes])));
      const mine = new Uint8Array([1, 2, 3]);
      await user.sendChunk(mine);
      mine.fill(0);
      const double = await globals.proxy<{ double(value: number): number }>(user).double(21);
      const result = { reason: 'reason' in missing && missing.reason, echoed: await echoed, double };
      rooms.closeAll();
      return result;
    });
    expect(inPage).to.deep.equal({ reason: 10, echoed: [3, 2, 1], double: 42 });
    expect(bus.heard).to.deep.equal([]);
  });
});
