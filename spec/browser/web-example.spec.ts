import { fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { openStage } from '../../examples/web/stage.ts';
import { socketFolder } from '../support/links.ts';
import { root } from '../support/repository.ts';
import { complaints, hasChromium, launch } from './browser-page.ts';

describe('web example, in Chromium', function () {
  it('world - two tabs and twenty bots see each other, and a click is seen by the other tab', async function () {
    if (!hasChromium) this.skip();
    const folder = socketFolder();
    const path = folder.path('web');
    const stage = await openStage({ path, port: 0, gatewayPort: 0 });
    const bots = fork(new URL('../../examples/web/bots.js', import.meta.url), [path, '20'], { stdio: 'ignore' });
    const botsEnded = new Promise((resolve) => bots.once('exit', resolve));
    const browser = await launch();
    try {
      const pages = await Promise.all([browser.newPage(), browser.newPage()]);
      const heard = pages.map(complaints);
      await Promise.all(pages.map((page) => page.goto(stage.url)));
      for (const page of pages) {
        await page.waitForFunction(() => document.getElementById('players')?.textContent === '22');
        await page.waitForFunction(() => Number(document.body.dataset.measured) >= 8);
      }
      const [one] = pages;
      await one?.click('#world', { position: { x: 30, y: 40 } });
      await new Promise<void>((resolve) => {
        const look = setInterval(() => {
          if (!stage.world.step().players.some(([, x, y]) => x < 0.1 && y < 0.1)) return;
          clearInterval(look);
          resolve();
        }, 20);
      });
      expect(await one?.textContent('#status')).to.equal('ready');
      expect(await one?.textContent('#latency')).to.match(/^\d+\.\d ms$/);
      const artefacts = join(root, 'build', 'artefacts');
      mkdirSync(artefacts, { recursive: true });
      const picture = await one?.screenshot({ path: join(artefacts, 'web-example.png'), fullPage: true });
      expect(picture?.length).to.be.greaterThan(10_000);
      expect(heard).to.deep.equal([[], []]);
    } finally {
      bots.disconnect();
      await botsEnded;
      await browser.close();
      await stage.close();
      folder.remove();
    }
  });
});
