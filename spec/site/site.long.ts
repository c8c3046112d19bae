import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Browser, Page } from 'playwright-core';
import { complaints, hasChromium, launch } from '../browser/browser-page.ts';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

const out = join(root, 'site/build/out');
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const looked = ['/', '/README.html', '/docs/getting-started.html', '/docs/options.html', '/reference/index.html'];
/** Of the playground, beside the editor. */
const mostBytes = 60 * 1024;

describe('site', function () {
  let server: Server | undefined;
  let url: string;
  let browser: Browser | undefined;

  before(async () => {
    const built = await command(process.execPath, ['scripts/site.mjs'], { cwd: root, timeoutMs: 1_200_000 });
    expect(built.code, built.stderr).to.equal(0);
    const listening = createServer((request, response) => {
      const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname));
      const file = join(out, path.endsWith('/') ? `${path}index.html` : path);
      const isThere = file.startsWith(out) && existsSync(file);
      response.writeHead(isThere ? 200 : 404, { 'content-type': types[extname(file)] ?? 'text/plain' });
      response.end(isThere ? readFileSync(file) : '');
    });
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    if (hasChromium) browser = await launch();
  });

  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  });

  /** Opens a page in a window of its own. */
  async function open(path: string, width: number, colorScheme: 'light' | 'dark'): Promise<[Page, string[]]> {
    if (browser === undefined) throw new Error('There is no browser');
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const heard = complaints(page);
    await page.goto(url + path, { waitUntil: 'networkidle' });
    return [page, heard];
  }

  it('pages - are there as HTML and as Markdown, with their lists', () => {
    const list = readFileSync(join(out, 'llms.txt'), 'utf8');
    const listed = [...list.matchAll(/\]\(\/([^)]+\.md)\)/g)].map(([, path = '']) => path);
    expect(listed.length).to.be.greaterThan(20);
    for (const path of listed) {
      expect(existsSync(join(out, path)), path).to.equal(true);
      expect(existsSync(join(out, path.replace(/\.md$/, '.html'))), `${path} as HTML`).to.equal(true);
    }
    const full = readFileSync(join(out, 'llms-full.txt'), 'utf8');
    for (const path of listed) expect(full).to.contain(`<!-- ${path} -->`);
    const reference = readFileSync(join(out, 'reference/index.html'), 'utf8');
    expect(reference).to.contain('Starts to listen.');
    // Members of the options, with their defaults.
    expect(reference).to.contain('<code>sessionGraceMs?</code>').and.to.contain('<code>120_000</code>');
  });

  it('playground - has 60 KB gzipped at most, the bus included', () => {
    const sizes = [join(out, 'playground/world.js'), join(root, 'site/build/playground/playground.js')].map(
      (file) => gzipSync(readFileSync(file), { level: 9 }).length,
    );
    expect(sizes.reduce((sum, bytes) => sum + bytes)).to.be.at.most(mostBytes);
  });

  for (const width of [1_280, 360]) {
    for (const colours of ['light', 'dark'] as const) {
      it(`look - ${width} px, ${colours}: axe finds nothing, nothing is complained of, nothing sticks out`, async function () {
        if (!hasChromium) this.skip();
        const artefacts = join(root, 'build/artefacts');
        mkdirSync(artefacts, { recursive: true });
        for (const path of looked) {
          const [page, heard] = await open(path, width, colours);
          if (path === '/') {
            await page.waitForSelector('.pg-log div');
            // The editor measures its lines once it has been in sight.
            await page.locator('.cm-editor').scrollIntoViewIfNeeded();
            await page.waitForFunction(() => {
              const [, gutter] = document.querySelectorAll('.cm-lineNumbers .cm-gutterElement');
              return gutter?.clientHeight === document.querySelector('.cm-line')?.clientHeight;
            });
          }
          await page.addScriptTag({ path: join(root, 'site/node_modules/axe-core/axe.min.js') });
          const violations = await page.evaluate(async () => {
            const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
            const { violations: found } = await axe.run();
            return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
          });
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          const name = path.replace(/^\/|\.html$/g, '').replace('/', '-') || 'home';
          await page.evaluate(() => globalThis.scrollTo(0, 0));
          await page.screenshot({
            path: join(artefacts, `site-${name}-${width}-${colours}.png`),
            fullPage: path === '/',
          });
          await page.close();
          expect({ path, violations, heard, sticksOut: wide > width }).to.deep.equal({
            path,
            violations: [],
            heard: [],
            sticksOut: false,
          });
        }
      });
    }
  }

  it('search - finds words without a server, by the keyboard alone', async function () {
    if (!hasChromium) this.skip();
    const [page] = await open('/CONTRIBUTING.html', 1_280, 'light');
    await page.keyboard.press('Control+k');
    await page.waitForSelector('#localsearch-input');
    await page.keyboard.type('sessionGraceMs');
    await page.waitForSelector('#localsearch-list [role=option]');
    await page.keyboard.press('Enter');
    await page.waitForURL((found) => !found.pathname.startsWith('/CONTRIBUTING'));
    expect(await page.textContent('main')).to.contain('sessionGraceMs');
    await page.close();
  });

  it('playground - links that are killed by the keyboard come back, sessions resume, and nothing is lost', async function () {
    if (!hasChromium) this.skip();
    const [page, heard] = await open('/', 1_280, 'light');
    const figure = (name: string) =>
      page.evaluate((wanted) => {
        const terms = [...document.querySelectorAll('.pg-counts dt')];
        return Number(terms.find(({ textContent }) => textContent === wanted)?.nextElementSibling?.textContent);
      }, name);
    const until = async (condition: () => Promise<boolean>, what: string): Promise<void> => {
      for (let left = 600; !(await condition()); left--) {
        expect(left, what).to.be.greaterThan(0);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await until(async () => (await figure('arrived')) > 3, 'orders arrive');
    let reached = '';
    for (let presses = 0; presses < 80 && reached !== 'Kill the links'; presses++) {
      await page.keyboard.press('Tab');
      reached = await page.evaluate(() => document.activeElement?.textContent ?? '');
    }
    expect(reached).to.equal('Kill the links');
    await page.keyboard.press('Enter');
    await until(async () => (await figure('sessions resumed')) >= 3, 'three sessions resume');
    const before = await figure('arrived');
    await until(async () => (await figure('arrived')) > before + 3, 'orders arrive again');
    await page.fill('.pg-right input[type=range] >> nth=0', '0');
    await until(async () => (await figure('on the way')) === 0, 'everything has arrived');
    expect(await figure('sessions lost')).to.equal(0);
    expect(await page.locator('.pg-log .pg-error').count()).to.equal(0);
    expect(heard).to.deep.equal([]);
    await page.close();
  });
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
