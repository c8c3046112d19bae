import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

const program = join(root, 'create-busbar/create.mjs');

describe('create-busbar', () => {
  let folder: string;
  const create = (...args: string[]) => command(process.execPath, [program, ...args], { cwd: folder });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'busbar-create-'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('project - has the name of its folder, the files of the template, and the next steps are said', async () => {
    const { code, stdout } = await create('My App', '--template', 'gateway');
    expect(code).to.equal(0);
    expect(stdout).to.contain('cd My App\n  npm install\n  npm start');
    const made = join(folder, 'My App');
    const { name, dependencies } = JSON.parse(readFileSync(join(made, 'package.json'), 'utf8')) as {
      name: string;
      dependencies: object;
    };
    expect({ name, dependencies }).to.deep.equal({ name: 'my-app', dependencies: { busbar: '^0.1.0' } });
    expect(['.gitignore', 'server.js', 'public/page.js'].map((file) => existsSync(join(made, file)))).to.deep.equal([
      true,
      true,
      true,
    ]);
  });

  it('folder - that has something in it is left alone', async () => {
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full/mine.txt'), 'mine');
    const { code, stderr } = await create('full');
    expect(code).to.equal(1);
    expect(stderr).to.contain('is not empty');
    expect(existsSync(join(folder, 'full/package.json'))).to.equal(false);
  });

  it('arguments - that are wrong are told with what there is', async () => {
    const unknown = await create('x', '--template', 'nothing');
    expect([unknown.code, unknown.stderr]).to.deep.equal([
      1,
      'There is no template nothing. Templates: game-rooms, gateway, two-processes\n',
    ]);
    const many = await create('x', 'y');
    expect(many.code).to.equal(1);
    expect(many.stderr).to.contain('usage: npm create busbar');
  });

  it('two processes - as they were made exchange a message, and end when told to', async () => {
    expect((await create('app')).code).to.equal(0);
    mkdirSync(join(folder, 'app/node_modules'));
    symlinkSync(root, join(folder, 'app/node_modules/busbar'), 'junction');
    const started = spawn(process.execPath, ['start.js'], {
      cwd: join(folder, 'app'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => started.once('close', resolve));
    let printed = '';
    try {
      for await (const chunk of started.stdout.setEncoding('utf8')) {
        printed += String(chunk);
        if (/server: order 1, one coffee/.test(printed)) break;
      }
    } finally {
      started.kill('SIGTERM');
      await ended;
    }
    expect(printed).to.contain('client: 3 cost 12');
    expect(printed).to.contain('client: the session is fresh');
  });
});
