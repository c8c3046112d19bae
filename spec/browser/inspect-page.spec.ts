import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Browser } from 'playwright-core';
import { Client, Server } from '../../lib/index.ts';
import { until } from '../support/buses.ts';
import { root } from '../support/repository.ts';
import { cli } from '../cli/dispatch-process.ts';
import { complaints, hasChromium, launch } from './browser-page.ts';

const hostile = '</script><img src=x onerror="document.title=1">\u001b[2J';

describe('busbar inspect', () => {
  let folder: string;
  let server: Server;
  let clients: Client[];
  let child: ChildProcess;
  let url = '';
  let sending: NodeJS.Timeout;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    const path = join(folder, 'bus.sock');
    server = await new Server({ path, redact: ['password'] }).start();
    server.on('message', () => {});
    server.handle((question) => question);
    clients = await Promise.all([hostile, 'rooms', 'gateway'].map((name) => new Client({ path }).connect({ name })));
    sending = setInterval(() => {
      for (const client of clients) void client.send({ topic: 'room.1', password: 'secret', text: hostile });
      void clients[1]?.request({ ask: 1 });
    }, 50);
    child = spawn(process.execPath, [cli, 'inspect', path], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (url += text));
    await until(() => url.endsWith('\n'));
    url = url.trim();
  });

  after(async () => {
    clearInterval(sending);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill();
    await ended;
    await Promise.all(clients.map((client) => client.close()));
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** The status, and what came with it. */
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      // As it is: a URL of it would be made right, or none.
      const asked = request(url, { path, headers, method, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (more: string) => (text += more));
        response.once('end', () => resolve([response.statusCode ?? 0, text]));
      });
      asked.once('error', reject);
      asked.end();
    });

  it('without the token - every path is 403, and so is another host or origin', async () => {
    expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{40,}\/$/);
    const { pathname, port } = new URL(url);
    const wrong = [...pathname].map((letter, at) => (at === 5 ? (letter === 'a' ? 'b' : 'a') : letter)).join('');
    for (const path of [
      '/',
      '//',
      '/\\',
      '/%',
      '/?',
      '/events',
      '/x/',
      '/record?seconds=1',
      wrong,
      `${wrong}events`,
      pathname.slice(0, -2),
    ]) {
      expect(await get(path), path).to.deep.equal([403, '403\n']);
    }
    for (const headers of [
      { host: 'evil.example' },
      { host: `evil.example:${port}` },
      { origin: 'http://evil.example' },
      { origin: 'null' },
    ]) {
      expect((await get(pathname, headers))[0], JSON.stringify(headers)).to.equal(403);
      expect((await get(`${pathname}replay`, headers, 'POST'))[0]).to.equal(403);
    }
    expect((await get(pathname, { host: `localhost:${port}` }))[0]).to.equal(200);
    expect((await get(pathname, { origin: `http://127.0.0.1:${port}` }))[0]).to.equal(200);
    expect((await get(`${pathname}constructor`))[0]).to.equal(404);
  });

  for (const [path, type] of [
    ['events', 'text/event-stream'],
    ['record?seconds=1', 'application/octet-stream'],
  ] as const) {
    it(`${path} - is ${type} also where what goes by comes with the answer that it will`, async () => {
      for (let ms = 4; ms < 44; ms += 4) {
        const got = new Promise<string | undefined>((resolve, reject) => {
          const asked = request(`${url}${path}`, { agent: false }, (response) => {
            response.once('error', () => {});
            resolve(response.headers['content-type']);
            response.destroy();
          });
          asked.once('error', reject);
          asked.end();
        });
        await sleep(ms);
        child.kill('SIGSTOP');
        await sleep(120);
        child.kill('SIGCONT');
        expect(await got, `stopped after ${ms} ms`).to.equal(type);
      }
    });
  }

  it('the page - shows peers, plots and messages, and runs nothing that others chose', async function () {
    if (!hasChromium) this.skip();
    const shots = join(root, 'build/screens');
    mkdirSync(shots, { recursive: true });
    const browser: Browser = await launch();
    try {
      for (const [width, colorScheme] of [
        [1_280, 'light'],
        [1_280, 'dark'],
        [390, 'light'],
        [390, 'dark'],
      ] as const) {
        const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
        const heard = complaints(page);
        await page.goto(url);
        await page.waitForSelector('#messages td.data');
        await page.waitForFunction(() => document.querySelectorAll('#peers tbody tr').length === 3);
        await page.waitForFunction(() => document.querySelectorAll('#graph text.soft').length === 3);
        expect(await page.locator('#graph circle').count()).to.equal(4);
        const edges = await page.locator('#graph text.soft').allTextContents();
        for (const edge of edges) expect(edge).to.match(/^\d+(\.\d)?\/s$/);
        const letters = await page.locator('#graph text').first().boundingBox();
        expect(letters?.height, 'letters of the graph').to.be.greaterThan(10);
        expect(await page.locator('.plot canvas').count()).to.equal(2);
        const text = await page.locator('body').innerText();
        expect(text).to.include('[redacted]').and.to.include('rooms').and.to.not.include('secret');
        expect(await page.locator('img').count()).to.equal(0);
        expect(await page.title()).to.equal('busbar inspect');
        const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(tooWide, `${width} ${colorScheme}`).to.be.at.most(0);
        expect(heard).to.deep.equal([]);
        await page.screenshot({ path: join(shots, `inspect-${width}-${colorScheme}.png`), fullPage: true });
        if (width === 1_280 && colorScheme === 'light') {
          await page.fill('[name=globs]', 'request');
          await page.click('#filter button');
          await page.waitForSelector('#messages td.data');
          const kinds = await page.locator('#messages tbody tr td:nth-child(4)').allInnerTexts();
          expect(new Set(kinds)).to.deep.equal(new Set(['request']));
          await page.fill('[name=seconds]', '1');
          const [download] = await Promise.all([page.waitForEvent('download'), page.click('#record button')]);
          const file = join(folder, 'recording');
          await download.saveAs(file);
          await page.setInputFiles('[name=file]', file);
          await page.fill('[name=speed]', '0');
          await page.click('#replay button');
          await page.waitForFunction(() => document.querySelector('#outcome')?.textContent?.includes('"clients":3'));
        }
        await page.close();
      }
    } finally {
      await browser.close();
    }
  });
});
