import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type ProgramName = 'server' | 'client' | 'heir' | 'sockets' | 'journal-end';

/** A process of one of the programs here, which answers questions one at a time. */
export class Program {
  readonly process: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(name: ProgramName, settings: object, nodeOptions: readonly string[]) {
    const file = new URL(`./programs/${name}.js`, import.meta.url);
    this.process = fork(file, [JSON.stringify(settings)], { execArgv: ['--expose-gc', ...nodeOptions] });
    this.#exited = once(this.process, 'exit');
  }

  static async start(name: ProgramName, settings: object, nodeOptions: readonly string[]): Promise<Program> {
    const program = new Program(name, settings, nodeOptions);
    await once(program.process, 'message');
    return program;
  }

  async ask<Answer>(question: object): Promise<Answer> {
    this.process.send(question);
    const [answer] = (await once(this.process, 'message')) as [Answer];
    return answer;
  }

  stop(): void {
    this.process.kill('SIGSTOP');
  }

  carryOn(): void {
    this.process.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exited;
  }
}

/** A folder for sockets and logs, and what runs with them; `close` ends all of it. */
export class Stage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bb-'));
  readonly #programs: Program[] = [];
  #logs = 0;

  path(name: string): string {
    return join(this.#folder, name);
  }

  async program(name: ProgramName, settings: object, nodeOptions: readonly string[] = []): Promise<Program> {
    const program = await Program.start(name, settings, nodeOptions);
    this.#programs.push(program);
    return program;
  }

  newLog(): string {
    this.#logs += 1;
    return this.path(`log-${this.#logs}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The numbers a program wrote down as it took them, whatever became of it. */
export function numbersIn(log: string): number[] {
  const bytes = readFileSync(log);
  const numbers: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) numbers.push(bytes.readUInt32BE(at));
  return numbers;
}
