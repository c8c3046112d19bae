import type { Browser, Page } from 'playwright-core';
import { Server } from '../../lib/index.ts';
import type { HttpServer } from '../../lib/plugins/gateway/index.ts';
import { gateway } from '../../lib/plugins/gateway/index.ts';
import { BreakableProxy } from './breakable-proxy.ts';
import { complaints, servePage } from './browser-page.ts';

export interface BusPageTerms {
  /** Where the server listens for clients that are no pages. */
  readonly path: string;
  /** What the page runs. */
  readonly script: string;
  readonly authorize?: ((payload: unknown) => boolean) | undefined;
  readonly origins?: readonly string[] | 'same' | 'any';
  /** Of the door. */
  readonly compression?: boolean;
  /** Called before the server listens. */
  readonly prepare?: (server: Server) => void;
}

/** An open page, a bus with a door for it, and a network between the two that can be cut. */
export class BusPage {
  readonly server: Server;
  readonly page: Page;
  readonly network: BreakableProxy;
  /** Of the door, through the network. */
  readonly url: string;
  /** What the page complained about. */
  readonly heard: readonly string[];
  readonly #site: HttpServer;

  private constructor(server: Server, network: BreakableProxy, url: string, site: HttpServer, page: Page) {
    this.server = server;
    this.network = network;
    this.url = url;
    this.#site = site;
    this.page = page;
    this.heard = complaints(page);
  }

  static async open(browser: Browser, terms: BusPageTerms): Promise<BusPage> {
    const { path, script, authorize, origins = 'any', compression = false, prepare } = terms;
    const server = new Server({ path, ...(authorize && { authorize }) });
    prepare?.(server);
    const web = server.use(gateway({ browser: { port: 0, origins, compression } }));
    await server.start();
    const network = new BreakableProxy(web.browser?.port ?? 0);
    const door = `ws://127.0.0.1:${await network.listen()}`;
    const served = await servePage(script, door);
    const opened = new BusPage(server, network, `${door}/bus`, served.server, await browser.newPage());
    await opened.page.goto(served.url);
    await opened.page.addScriptTag({ type: 'module', url: '/client.js' });
    return opened;
  }

  async close(): Promise<void> {
    await this.page.close();
    await this.network.close();
    await this.server.close();
    await this.#site.stopListening();
  }
}
