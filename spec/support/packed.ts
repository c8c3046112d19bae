import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { command } from './command.ts';
import { root } from './repository.ts';
import { npmCommand } from './runtimes.ts';

/** Packs busbar as npm would publish it, into `folder`; resolves the archive's path. */
export async function pack(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const [program, args] = npmCommand();
  const options = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { code, stderr } = await command(program, [...args, ...options], { cwd: root, timeoutMs: 60_000 });
  expect(code, stderr).to.equal(0);
  const [name = ''] = readdirSync(folder);
  return join(folder, name);
}

/** Unpacks the archive as the package `name` of `folder`, beside all packages of this repository or those that are named. */
export async function unpack(
  archive: string,
  folder: string,
  name = 'busbar',
  packages?: readonly string[],
): Promise<string> {
  const modules = join(folder, 'node_modules');
  const installed = join(modules, name);
  mkdirSync(installed, { recursive: true });
  const unpacked = await command('tar', ['-xzf', archive, '-C', installed, '--strip-components=1']);
  expect(unpacked.code, unpacked.stderr).to.equal(0);
  linkPackages(join(root, 'node_modules'), modules, packages);
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  return installed;
}

/** Links packages of one `node_modules`, all unless named, into another that does not have them. */
export function linkPackages(from: string, to: string, packages: readonly string[] = readdirSync(from)): void {
  for (const name of packages) {
    if (name.startsWith('.') || existsSync(join(to, name))) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    symlinkSync(join(from, name), join(to, name));
  }
}
