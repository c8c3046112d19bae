import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { command, type Outcome } from '../../support/command.ts';
import { root } from '../../support/repository.ts';
import { npmCommand } from '../../support/runtimes.ts';

const timeoutMs = 300_000;

/** A project of a user in a temporary folder, with busbar as it is published and the tools that it names. */
export class ToolProject {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(tools: readonly string[], type: 'commonjs' | 'module' = 'module'): Promise<ToolProject> {
    const project = new ToolProject(mkdtempSync(join(tmpdir(), 'busbar-tools-')));
    const archives = join(project.folder, 'archives');
    mkdirSync(archives);
    project.write('package.json', JSON.stringify({ private: true, type }));
    await project.npm(['pack', '--ignore-scripts', '--silent', '--pack-destination', archives, root]);
    const [archive = ''] = readdirSync(archives);
    const quiet = ['--no-audit', '--no-fund', '--silent'];
    await project.npm(['install', ...quiet, join(archives, archive), ...tools]);
    return project;
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** Runs a command of one of the tools. */
  run(name: string, ...args: readonly string[]): Promise<Outcome> {
    return this.runWith({}, name, ...args);
  }

  runWith(env: Readonly<Record<string, string>>, name: string, ...args: readonly string[]): Promise<Outcome> {
    const { PATH } = process.env;
    const program = join(this.folder, 'node_modules/.bin', name);
    return command(program, args, {
      cwd: this.folder,
      timeoutMs,
      env: { PATH, HOME: this.folder, CI: 'true', ...env },
    });
  }

  /** Runs a file with Node where the packages are installed; what it printed. */
  async beside(file: string): Promise<string> {
    const { code, stdout, stderr } = await command(process.execPath, [file], { cwd: this.folder });
    return code === 0 ? stdout.trim() : `${file} ended with ${code}: ${stderr}`;
  }

  /** Runs a file with Node, by itself in a folder of its own, where nothing is installed; what it printed. */
  async alone(file: string): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'busbar-alone-'));
    try {
      const { code, stdout, stderr } = await command(process.execPath, [join(this.folder, file)], { cwd: folder });
      return code === 0 ? stdout.trim() : `${file} ended with ${code}: ${stderr}`;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async npm(args: readonly string[]): Promise<void> {
    const [program, before] = npmCommand();
    const { code, stderr } = await command(program, [...before, ...args], { cwd: this.folder, timeoutMs });
    expect(code, stderr).to.equal(0);
  }
}
