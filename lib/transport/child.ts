import type { ChildProcess, SpawnOptions, StdioOptions } from 'node:child_process';
import { Socket } from 'node:net';
import { resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { textOf } from '../base/thrown.ts';
import { checkFile, type Offspring, parentDescriptor, parentMark, parentVariable } from './offspring.ts';
import { acceptedLink } from './socket-link.ts';

/** What `child_process.spawn` takes, but for `stdio[3]`, which is the link. */
export interface ChildOptions extends SpawnOptions {
  /** Arguments of Node before a file that it runs; by default those of this process. */
  readonly execArgv?: readonly string[] | undefined;
}

/** A process that was started with a link to it. */
export interface Child extends Offspring {
  readonly child: ChildProcess;
}

const script = /\.[cm]?[jt]s$/i;
/** How long a process may take to end when it is asked to, before it is ended. */
const endWithinMs = 2_000;
/** How often the link of a process that has ended is looked at, for bytes that are still to be read. */
const drainLookMs = 50;

/**
 * Starts `file` with a socket pair whose other end is its descriptor 3. A JavaScript or TypeScript file, or a `file:` URL, is run by
 * the program that runs this process, anything else is a command. Throws `ERR_SPAWN` where the file does not exist or no
 * process available, and `ERR_INVALID_OPTION` for `stdio[3]`.
 */
export function startChild(file: string | URL, args: readonly string[], options: ChildOptions, clock: Clock): Child {
  checkArguments(args);
  const { execArgv = process.execArgv, stdio, env = process.env, ...others } = options;
  const pipes = withLink(stdio);
  const [command, before] = commandOf(file, execArgv, options);
  const given = { ...others, stdio: pipes, env: { ...env, [parentVariable]: variableOf(pipes, options.detached) } };
  let child: ChildProcess;
  try {
    child = process.getBuiltinModule('node:child_process').spawn(command, [...before, ...args], given);
  } catch (error) {
    throw new BusError('ERR_SPAWN', `Cannot start ${command}: ${textOf(error)}`, { cause: error });
  }
  let failed: (cause: Error) => void;
  const over = new Promise<Awaited<Offspring['over']>>((settle) => {
    failed = (cause) => settle({ how: `could not be started: ${cause.message}`, cause });
    child.on('error', failed);
    child.once('exit', (code, signal) => settle({ how: `ended with ${signal ?? `exit code ${code}`}` }));
  });
  const socket = child.stdio?.[parentDescriptor];
  if (!(socket instanceof Socket))
    throw new BusError('ERR_SPAWN', `Cannot start ${command}: the system created no process`);
  // The platform resumes what is there when the child ends, whether its reader has paused it or not.
  (child.stdio as unknown[])[parentDescriptor] = null;
  const about = { kind: 'child', remote: String(child.pid), final: true, clock } as const;
  const link = acceptedLink(socket, about, { mayRelease: () => false });
  child.once('exit', () => closeOnceRead(link.socket ?? socket, clock));
  return { child, link, over, end: () => end(child, clock), release: () => void child.off('error', failed) };
}

function checkArguments(args: unknown): void {
  if (Array.isArray(args) && args.every((arg) => typeof arg === 'string')) return;
  throw new BusError('ERR_INVALID_ARGUMENT', 'The arguments of a process must be an array of strings');
}

function withLink(stdio: StdioOptions | undefined): SpawnOptions['stdio'] & unknown[] {
  const given = Array.isArray(stdio) ? [...stdio] : Array.from({ length: 3 }, () => stdio ?? 'inherit');
  if ((given[parentDescriptor] ?? undefined) !== undefined) {
    throw new BusError('ERR_INVALID_OPTION', 'Option stdio[3] is reserved: it is the link to the child');
  }
  while (given.length < parentDescriptor) given.push(undefined);
  given[parentDescriptor] = 'pipe';
  return given;
}

function variableOf(stdio: readonly unknown[], detached: boolean | undefined): string {
  const marks = [parentDescriptor, stdio.includes('ipc') ? parentMark.ipc : '', detached ? parentMark.group : ''];
  return marks.filter((mark) => mark !== '').join(' ');
}

function commandOf(
  file: string | URL,
  execArgv: readonly string[],
  { cwd = process.cwd() }: ChildOptions,
): [command: string, before: readonly string[]] {
  const path = typeof file === 'string' ? file : fileURLToPath(file);
  if (typeof file === 'string' && !script.test(file)) return [path, []];
  const folder = typeof cwd === 'string' ? cwd : fileURLToPath(cwd);
  checkFile(resolve(folder, path));
  return [process.execPath, [...execArgv, path]];
}

/** Somebody else may hold the descriptor of a process that has ended, so that its end does not come by itself. */
function closeOnceRead(socket: Socket, clock: Clock): void {
  let before = -1;
  const look = (): void => {
    if (socket.destroyed) return;
    if (socket.bytesRead === before && !socket.isPaused()) {
      socket.destroy();
      return;
    }
    before = socket.bytesRead;
    clock.setTimer(look, drainLookMs, true);
  };
  look();
}

function end(child: ChildProcess, clock: Clock): void {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const timer = clock.setTimer(() => child.kill('SIGKILL'), endWithinMs);
  child.once('exit', () => timer.cancel());
  child.kill('SIGTERM');
}
