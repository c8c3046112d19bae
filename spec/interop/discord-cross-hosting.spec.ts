import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { command, type Outcome } from '../support/command.ts';
import { linkPackages, pack, unpack } from '../support/packed.ts';
import { fetchPackage } from '../support/runtimes.ts';
import { root } from '../support/repository.ts';

const fetchTimeoutMs = 120_000;
const program = join(root, 'build/spec/interop/cross-hosting-program.js');
const ends = ['net-ipc', 'busbar'] as const;

/** A public package that extends the classes of net-ipc, out of the registry, with busbar under the name net-ipc. */
describe('discord-cross-hosting 2.4.0, with busbar in the place of net-ipc', function () {
  this.timeout(fetchTimeoutMs * 2);

  const folder = mkdtempSync(join(tmpdir(), 'busbar-cross-hosting-'));
  const at = (end: (typeof ends)[number]): string => join(folder, end);

  before('the registry has it', async function () {
    const fetched = await fetchPackage('discord-cross-hosting', '2.4.0', fetchTimeoutMs);
    if (fetched === undefined) return this.skip();
    for (const end of ends) {
      const modules = join(at(end), 'node_modules');
      mkdirSync(modules, { recursive: true });
      // A copy, as a linked one would find the net-ipc that lies beside the original.
      cpSync(join(fetched, 'discord-cross-hosting'), join(modules, 'discord-cross-hosting'), { recursive: true });
      cpSync(join(fetched, 'discord-cross-hosting/src'), join(at(end), 'src'), { recursive: true });
      if (end === 'busbar') await unpack(await pack(join(folder, 'packed')), at(end), 'net-ipc');
      else linkPackages(join(root, 'node_modules'), modules);
      linkPackages(fetched, modules);
      writeFileSync(join(at(end), 'package.json'), '{"private":true}');
    }
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('runs, and says what it says on net-ipc', async () => {
    const run = (end: (typeof ends)[number]): Promise<Outcome> =>
      command(process.execPath, [program, at(end)], { cwd: at(end), timeoutMs: 60_000 });
    const [theirs, ours] = await Promise.all(ends.map(run));
    const said = (outcome: Outcome | undefined): object => ({
      code: outcome?.code,
      said: outcome?.stdout.split('\n').sort(),
      stderr: outcome?.stderr,
    });
    expect(said(ours)).to.deep.equal(said(theirs));
    expect(theirs?.code, theirs?.stdout).to.equal(0);
    expect(ours?.stdout).to.contain('everywhere [["ran this.guilds"]]');
  });

  it('its sources compile, without an error', async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    const how = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext', ...types];
    const compile = (end: (typeof ends)[number]): Promise<Outcome> =>
      command(process.execPath, [tsc, ...how, 'src/index.ts'], { cwd: at(end), timeoutMs: 60_000 });
    for (const end of ends) {
      const { code, stdout } = await compile(end);
      expect({ end, code, stdout }).to.deep.equal({ end, code: 0, stdout: '' });
    }
  });
});
