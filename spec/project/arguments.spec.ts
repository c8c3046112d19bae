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
    'nonsense',
    'dispatch --x',
    'dispatch --port abc',
    'dispatch -c nonsense',
    'dispatch --bus nonsense',
    'dispatch --tls-key /nowhere --tls-cert /nowhere',
    'dispatch --proxies nonsense',
    'dispatch -w 2',
    'request unix:/nowhere',
    'completion nonsense',
  ],
  'examples/game/main.ts': ['--x', '--bots abc', '--seconds 0'],
  'examples/game/hub.ts': ['', '{}'],
  'examples/game/world.ts': ['', '--x', '/nowhere/a'],
  'examples/game/zone.ts': ['', '/nowhere/a'],
  'examples/game/bots.ts': ['', '1 1'],
  'examples/backend/main.ts': ['', '/dev/null/x'],
  'examples/backend/gateway.ts': ['', '/nowhere/a'],
  'examples/backend/matchmaker.ts': [''],
  'examples/backend/persistence.ts': [''],
  'examples/backend/rooms.ts': [''],
  'examples/backend/player.ts': [''],
  'examples/backend/admin.ts': ['', '/nowhere/a status room', '/nowhere/a nonsense room'],
  'examples/arena/main.ts': ['nonsense', '--bots abc'],
  'examples/web/main.ts': ['--x', '--port abc', '--port 99999', '--bots -1'],
  'examples/web/bots.ts': ['', '/nowhere/a abc'],
  'examples/cluster/main.ts': ['', '0'],
  'examples/cluster/node.ts': [''],
  'examples/colyseus/game.ts': [''],
  'examples/colyseus/hub.ts': ['', '/nowhere/a'],
  'examples/observed/main.ts': ['', '--x', '/nowhere/a b'],
  'examples/dispatch/driver.ts': ['--x', 'nonsense'],
  'examples/transfer/main.ts': ['--x', '0'],
  'examples/transfer/client.ts': ['', 'abc /nowhere/file'],
  'bench/calls/main.ts': ['--list nonsense'],
  'bench/main.ts': ['--ms abc', '--node /nowhere --no-install'],
  'bench/worker.ts': ['nonsense'],
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
        const compiled = program === 'lib/cli/main.ts' ? 'dist/cli.js' : join('build', program.replace(/\.ts$/, '.js'));
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
