import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import process from 'node:process';

/** Machines on one switch, each a network namespace: they are made by root on Linux, and go with `end`. */
export class Machines {
  readonly #prefix = `bb${process.pid}`;
  readonly #names: string[] = [];

  /** Whether such machines can be made here. */
  static areAllowed(): boolean {
    const name = `bb${process.pid}try`;
    return run(['netns', 'add', name]) && run(['netns', 'del', name]);
  }

  constructor() {
    this.#make('switch');
    this.#in('switch', 'link', 'add', 'switch', 'type', 'bridge');
    this.#in('switch', 'addr', 'add', '10.77.0.1/24', 'dev', 'switch');
    this.#in('switch', 'link', 'set', 'switch', 'up');
  }

  /** A machine with this name, plugged in. */
  add(name: string): void {
    this.#make(name);
    const number = this.#names.length;
    const port = `port${number}`;
    this.#in('switch', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#space(name));
    this.#in('switch', 'link', 'set', port, 'master', 'switch');
    this.#in('switch', 'link', 'set', port, 'up');
    this.#in(name, 'addr', 'add', `10.77.0.${number}/24`, 'dev', 'eth0');
    this.#in(name, 'link', 'set', 'eth0', 'up');
  }

  /** Pulls the plug of a machine, or puts it back. */
  plug(name: string, isIn: boolean): void {
    this.#in('switch', 'link', 'set', `port${this.#names.indexOf(name) + 1}`, isIn ? 'up' : 'down');
  }

  /** Runs a program on the switch, where all machines reach it at 10.77.0.1. */
  run(program: string, ...args: string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.#space('switch'), program, ...args], { stdio: 'ignore' });
  }

  /** Starts a program of Node's on a machine, with a channel to it. */
  fork(name: string, program: URL, ...args: string[]): ChildProcess {
    return fork(program, args, {
      execPath: 'ip',
      execArgv: ['netns', 'exec', this.#space(name), process.execPath],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  end(): void {
    for (const name of this.#names) run(['netns', 'del', this.#space(name)]);
  }

  #space(name: string): string {
    return this.#prefix + name;
  }

  #make(name: string): void {
    this.#names.push(name);
    if (!run(['netns', 'add', this.#space(name)])) throw new Error('It takes root to make network namespaces');
    this.#in(name, 'link', 'set', 'lo', 'up');
  }

  #in(name: string, ...args: string[]): void {
    const { status, stderr } = spawnSync('ip', ['-n', this.#space(name), ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  }
}

function run(args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0;
}
