import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { complaints, hasChromium, launch } from '../browser/browser-page.ts';
import { command } from '../support/command.ts';
import { pack, unpack } from '../support/packed.ts';
import { root } from '../support/repository.ts';
import { npmCommand } from '../support/runtimes.ts';

const templates = ['game-rooms', 'gateway', 'two-processes'];
/** What a template may take from its first command to its first message, installation aside. */
const firstMessageMs = 60_000;

/** Both packages as npm would publish them: templates are made by the one and run on the other. */
describe('templates of create-busbar, packed', () => {
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'busbar-templates-'));
    const archive = await pack(join(folder, 'busbar'));
    mkdirSync(join(folder, 'create'));
    const [npm, before] = npmCommand();
    const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', join(folder, 'create')];
    const packed = await command(npm, [...before, ...args], { cwd: join(root, 'create-busbar') });
    expect(packed.code, packed.stderr).to.equal(0);
    const [name = ''] = readdirSync(join(folder, 'create'));
    const creator = await unpack(join(folder, 'create', name), join(folder, 'creator'), 'create-busbar', []);
    for (const template of templates) {
      const made = await command(process.execPath, [join(creator, 'create.mjs'), template, '-t', template], {
        cwd: folder,
      });
      expect(made.code, made.stderr).to.equal(0);
      const manifest = join(folder, template, 'package.json');
      cpSync(manifest, `${manifest}.made`);
      await unpack(archive, join(folder, template), 'busbar', [
        'eventemitter3',
        'fast-zlib',
        'msgpackr',
        'p-retry',
        'is-network-error',
        '@types/node',
        'undici-types',
      ]);
      cpSync(`${manifest}.made`, manifest);
    }
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs `npm start` until it has printed all of `expected`, hands on what it printed, and ends it. */
  async function started(
    template: string,
    expected: readonly RegExp[],
    use: (printed: string) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const main = template === 'gateway' ? 'server.js' : 'start.js';
    const child = spawn(process.execPath, [main], {
      cwd: join(folder, template),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PORT: '0' },
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const late = setTimeout(() => child.kill('SIGKILL'), firstMessageMs);
    let complained = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text));
    let printed = '';
    try {
      await new Promise<void>((resolve, reject) => {
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
          if (expected.every((pattern) => pattern.test(printed))) resolve();
        });
        child.once('close', (code) => reject(new Error(`It ended with ${code}.\n${printed}\n${complained}`)));
      });
      await use(printed);
    } finally {
      clearTimeout(late);
      child.kill('SIGTERM');
      await ended;
    }
    expect(complained).to.equal('');
  }

  it('types - of every template are right as they stand', async () => {
    for (const template of templates) {
      const place = join(folder, template);
      writeFileSync(
        join(place, 'check.json'),
        '{ "extends": "./jsconfig.json", "compilerOptions": { "types": ["node"] } }',
      );
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const { code, stdout } = await command(process.execPath, [tsc, '-p', join(place, 'check.json')]);
      expect(code, `${template}\n${stdout}`).to.equal(0);
    }
  });

  it('two-processes - orders arrive', () =>
    started('two-processes', [/client: 3 cost 12/, /client: welcome, Ann/, /server: order 2, one coffee/]));

  it('game-rooms - both players score in the room, wherever it is', () =>
    started('game-rooms', [/ann: 2 points in room 17, 2 players/, /bob: 2 points in room 17, 2 players/]));

  it('gateway - two tabs hear each other', async function () {
    if (!hasChromium) this.skip();
    await started('gateway', [/Open (\S+) in two tabs/], async (printed) => {
      const url = /Open (\S+) in two tabs/.exec(printed)?.[1] ?? '';
      const browser = await launch();
      try {
        const [one, two] = await Promise.all([browser.newPage(), browser.newPage()]);
        const heard = [one, two].map(complaints);
        await Promise.all([one.goto(url), two.goto(url)]);
        for (const page of [one, two]) {
          await page.waitForFunction(() => document.getElementById('status')?.textContent === 'connected');
        }
        await one.fill('#text', 'hello from one');
        await one.click('button');
        await two.waitForFunction(() => document.getElementById('said')?.textContent?.includes('hello from one'));
        expect(heard).to.deep.equal([[], []]);
      } finally {
        await browser.close();
      }
    });
  });
});
