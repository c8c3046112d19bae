import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { sleep } from '../support/buses.ts';
import { command, type Outcome } from '../support/command.ts';
import { root } from '../support/repository.ts';

const main = join(root, 'build/examples/game/main.js');

describe('example game', function () {
  this.slow(10_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'game-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** The processes that were told a path in the game's folder, which all of them are. */
  async function processesLeft(): Promise<string[]> {
    const { stdout } = await command('ps', ['-eo', 'args']);
    return stdout.split('\n').filter((line) => line.includes(folder));
  }

  function play(...args: string[]): Promise<Outcome> {
    return command(process.execPath, [main, ...args], { env: { ...process.env, TMPDIR: folder }, timeoutMs: 110_000 });
  }

  it('run - ends with nothing lost through the SIGKILL of a zone and a rolling restart of every process, hub included, and leaves neither process nor file', async () => {
    const { code, stdout, stderr } = await play('--seconds', '2', '--bots', '12');
    expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' });
    const said = stdout.replace(/^\d+ s: .*\n/gm, '');
    expect(said).to.match(/^SIGKILL for zone-1, process \d+: its [1-9]\d* areas answer again after \d+ ms$/m);
    expect(said).to.match(/^zone-1 is back after \d+ ms, process \d+, with [1-9]\d* areas$/m);
    const deploy = said.match(/^Rolling restart: 9 processes replaced in \d+ ms, areas moved (\d+) times$/m);
    expect(Number(deploy?.[1]), 'each area once at least').to.be.at.least(16);
    expect(said).to.match(/^Process \d+ is the hub: 9 others continue after \d+ ms$/m);
    expect(stdout).to.match(/Lost: 0 of [1-9][\d,]* deliveries and [1-9][\d,]* requests/);
    expect(stdout).to.match(/Links cut: 4, sessions resumed: 4\./);
    expect(said.split('\n'), 'all of it, and the prompt of a shell').to.have.lengthOf.at.most(24);
    expect(Math.max(...said.split('\n').map(({ length }) => length))).to.be.at.most(80);
    const counted = said.slice(said.indexOf('messages ')).split('\n');
    expect(Math.max(...counted.map(({ length }) => length))).to.be.at.most(60);
    expect(await processesLeft()).to.deep.equal([]);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('SIGINT - ends the game early, over TCP too, with its count and no process left', async () => {
    const game = spawn(process.execPath, [main, '--seconds', '600', '--bots', '4', '--tcp'], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    game.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (part.includes('1 s:')) game.kill('SIGINT');
    });
    const code = await new Promise((resolve) => game.once('close', resolve));
    expect(code, text).to.equal(0);
    expect(text).to.contain('Lost: 0 of');
    expect(await processesLeft()).to.deep.equal([]);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  /** Kills the process that runs `program`; resolves how the game ends. */
  async function kill(program: string): Promise<{ code: unknown; errors: string }> {
    const game = spawn(process.execPath, [main, '--seconds', '600', '--bots', '4'], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    game.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
    await new Promise<void>((resolve, reject) => {
      game.stdout.setEncoding('utf8').on('data', (part: string) => {
        if (part.includes('play in')) resolve();
      });
      game.once('close', () => reject(new Error(`The game has ended: ${errors}`)));
    });
    const { stdout } = await command('ps', ['-eo', 'pid,args']);
    const its = stdout.split('\n').find((line) => line.includes(program) && line.includes(folder));
    process.kill(Number.parseInt(its ?? '', 10), 'SIGKILL');
    const code = await new Promise((resolve) => game.once('close', resolve));
    return { code, errors };
  }

  it('a process that ends by itself - ends the game with its name, and no other is left', async () => {
    expect(await kill('world.js')).to.deep.equal({ code: 1, errors: 'A world process ended by itself (SIGKILL)\n' });
    expect(await processesLeft()).to.deep.equal([]);
  });

  it('a hub that ends by itself - ends the game likewise', async () => {
    expect(await kill('hub.js')).to.deep.equal({ code: 1, errors: 'The hub ended by itself (SIGKILL)\n' });
    // They end when they have no parent any more.
    const endsAt = Date.now() + 20_000;
    while ((await processesLeft()).length > 0 && Date.now() < endsAt) await sleep(50);
    expect(await processesLeft()).to.deep.equal([]);
  });

  it('--help and a wrong argument - say how it is used', async () => {
    const help = await play('--help');
    expect(help).to.include({ code: 0, stderr: '' });
    expect(help.stdout).to.contain('--seconds');
    const wrong = await play('--bots', 'many');
    expect(wrong).to.include({ code: 2, stdout: '' });
    expect(wrong.stderr).to.contain('--bots takes a whole number from 1 to 500, not "many"');
  });
});
