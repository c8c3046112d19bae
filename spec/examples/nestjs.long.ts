import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { linkPackages, pack, unpack } from '../support/packed.ts';
import { root } from '../support/repository.ts';
import { npmCommand } from '../support/runtimes.ts';

/** Nest as the lock file of the example has it, and busbar as npm would publish it. */
describe('NestJS example', () => {
  let folder: string;

  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'busbar-nestjs-'));
    const example = join(folder, 'example');
    mkdirSync(example);
    for (const name of ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'src']) {
      cpSync(join(root, 'examples/nestjs', name), join(example, name), { recursive: true });
    }
    const [npm, args] = npmCommand();
    const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    const installed = await command(npm, [...args, ...options], { cwd: example, timeoutMs: 300_000 });
    if (installed.code !== 0) return this.skip();
    await unpack(await pack(join(folder, 'packed')), folder, 'busbar', []);
    linkPackages(join(folder, 'node_modules'), join(example, 'node_modules'));
    linkPackages(join(root, 'node_modules'), join(folder, 'node_modules'), ['eventemitter3', 'fast-zlib', 'msgpackr']);
    linkPackages(join(root, 'node_modules'), join(folder, 'node_modules'), ['p-retry', 'is-network-error']);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('handlers - answer, stream, fail and hear events over the bus, also over a link that broke', async () => {
    const example = join(folder, 'example');
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', example];
    const types = ['--typeRoots', join(root, 'node_modules/@types')];
    const compiled = await command(process.execPath, [...tsc, ...types], { cwd: example, timeoutMs: 120_000 });
    expect(compiled.code, compiled.stdout).to.equal(0);
    const { code, stdout, stderr } = await command(process.execPath, ['build/main.js', 'nest.sock'], { cwd: example });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n').sort()).to.deep.equal([
      'countdown: [ 3, 2, 1 ]',
      'countdown: stopped',
      'failed: There is no handler for nothing',
      'failed: {"code":"NO_ITEMS","count":0}',
      'placed: 7, over unix',
      'total: 12',
      'total: 25',
    ]);
  });
});
