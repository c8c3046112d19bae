import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

/** What each program is given wrongly; one line for a call, its arguments parted by spaces. */
const wrong: Readonly<Record<string, readonly string[]>> = {
  'lib/cli/main.ts': [
    '',
    '--x',
    'nonsense',
    'dispatch --x',
    'dispatch nonsense',
    'dispatch --port',
    'dispatch --port abc',
    'dispatch -c nonsense',
    'dispatch --bus nonsense',
    'dispatch --tls-key /nowhere --tls-cert /nowhere',
    'dispatch --proxies nonsense',
    'dispatch -w 2',
    'request unix:/nowhere',
    'completion nonsense',
  ],
  'examples/game/main.ts': ['--x', 'nonsense', '--bots abc', '--bots', '--seconds 0'],
  'examples/game/world.ts': ['', '--x', 'nonsense', '/nowhere/a /nowhere/b'],
  'examples/game/zone.ts': ['', '--x', 'nonsense', '/nowhere/a /nowhere/c'],
  'examples/game/bots.ts': ['', '--x', 'nonsense', '1', '1 1'],
  'examples/backend/main.ts': ['', '--x', '/dev/null/x', 'a b'],
  'examples/backend/gateway.ts': ['', '--x', '/nowhere/a'],
  'examples/backend/matchmaker.ts': ['', '--x'],
  'examples/backend/persistence.ts': ['', '--x'],
  'examples/backend/rooms.ts': ['', '--x', 'nonsense'],
  'examples/backend/player.ts': ['', '--x'],
  'examples/backend/admin.ts': ['', '--x', '/nowhere/a status room', '/nowhere/a nonsense room'],
  'examples/arena/main.ts': ['--x', 'nonsense', '--bots abc'],
  'examples/web/main.ts': ['--x', 'nonsense', '--port abc', '--port 99999', '--bots -1'],
  'examples/web/bots.ts': ['', '--x', 'nonsense', '/nowhere/a abc'],
  'examples/cluster/main.ts': ['', '--x', 'nonsense', '0'],
  'examples/cluster/node.ts': ['', '--x', 'one'],
  'examples/colyseus/game.ts': ['', '--x', '/nowhere/a b'],
  'examples/colyseus/hub.ts': ['', '--x', '/nowhere/a', '/nowhere/a b'],
  'examples/dispatch/driver.ts': ['--x', 'nonsense'],
  'examples/transfer/main.ts': ['--x', 'nonsense', '0', '1 2'],
  'examples/transfer/client.ts': ['', '--x', 'nonsense', 'abc /nowhere/file'],
  'bench/calls/main.ts': ['--x', 'nonsense', '--list nonsense'],
  'bench/main.ts': [
    '--x',
    'nonsense',
    '--only nonsense',
    '--runs 0',
    '--ms abc',
    '--peer nonsense',
    '--node /nowhere --no-install',
  ],
  'bench/worker.ts': ['', '--x', 'nonsense'],
};

/** The same of scripts, which run as they are; none of it gets as far as building. */
const wrongOfScripts: Readonly<Record<string, readonly string[]>> = {
  'scripts/test.mjs': ['--x', '--grep'],
  'scripts/run.mjs': ['', '--x', 'nowhere.ts'],
  'scripts/generate.mjs': ['--x', '--check nonsense'],
};

describe('arguments', () => {
  it('programs that take some - are all looked at', () => {
    const sources = ['lib', 'examples', 'bench'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
    );
    const reading = sources.filter(
      (name) =>
        name.endsWith('.ts') &&
        !name.includes('node_modules') &&
        // It has packages of its own, and is not compiled here.
        !name.startsWith('examples/nestjs/') &&
        /process\.argv|argumentsOf\(\s*'/.test(readFileSync(join(root, name), 'utf8')),
    );
    expect(reading.filter((name) => name !== 'examples/program.ts').sort()).to.deep.equal(Object.keys(wrong).sort());
  });

  for (const [program, calls] of Object.entries({ ...wrong, ...wrongOfScripts })) {
    for (const call of calls) {
      it(`${program} ${call} - says in words what is wrong, and fails`, async () => {
        const args = call === '' ? [] : call.split(' ');
        const compiled = join('build', program.replace(/\.ts$/, '.js'));
        const path = join(root, program.endsWith('.ts') ? compiled : program);
        const { code, stdout, stderr } = await command(process.execPath, [path, ...args], { timeoutMs: 60_000 });
        const said = stdout + stderr;
        expect(code, said).to.be.oneOf([1, 2]);
        expect(said).to.match(/\S/);
        expect(said).to.not.match(/^\s+at \S|node:internal|file:\/\/|\bthrow\b/m);
      }).timeout(70_000);
    }
  }
});
