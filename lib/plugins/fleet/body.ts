import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import type { Link } from '../../transport/link.ts';
import { startChild } from '../../transport/child.ts';
import { startThread } from '../../transport/thread.ts';
import type { GroupSettings } from './group-options.ts';

/** How a process, or thread, has ended; `how` for people. */
export interface End {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly how: string;
}

/** A process, or thread, as the system has it. */
export interface Body {
  readonly pid: number | undefined;
  readonly link: Link;
  /** Undefined where nobody here reads them. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Resolves once it has ended; never rejects. */
  readonly ended: Promise<End>;
  /** Asks it to end, as far as one can ask. */
  ask(): void;
  /** Ends it, and what it has started in its group. */
  kill(): void;
}

/** What it needs besides its group. */
export interface BodySettings {
  readonly settings: GroupSettings;
  readonly number: number;
  /** Listening sockets of this process, by port, and the variable that says which those are. */
  readonly sockets: { readonly descriptors: readonly number[]; readonly env: Readonly<Record<string, string>> };
  readonly clock: Clock;
}

/** The descriptor of the first of them there: the link is before it. */
export const firstSocket = 4;

/** @throws BusError `ERR_SPAWN` if the file of a group does not exist. */
export function checkBody({ name, file, cwd = process.cwd() }: GroupSettings): void {
  if (file === undefined) return;
  const path = resolve(cwd, typeof file === 'string' ? file : fileURLToPath(file));
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new BusError('ERR_SPAWN', `Group ${name} cannot start ${path}: the file does not exist`);
}

/** @throws BusError `ERR_SPAWN`. */
export function startBody(given: BodySettings): Body {
  return given.settings.thread ? threadBody(given) : processBody(given);
}

function environment({ settings: { name, env }, number, sockets }: BodySettings): NodeJS.ProcessEnv {
  const all = { ...process.env, ...env, ...sockets.env, BUSBAR_GROUP: name, BUSBAR_NUMBER: String(number) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const ownGroups = process.platform !== 'win32';

function processBody(given: BodySettings): Body {
  const { settings, sockets, clock } = given;
  const { file, command, args, cwd, execArgv, output } = settings;
  const out = output === 'prefix' ? 'pipe' : output;
  const { child, link } = startChild(
    file ?? command ?? '',
    args,
    {
      cwd,
      env: environment(given),
      stdio: ['ignore', out, out, undefined, ...sockets.descriptors],
      detached: ownGroups,
      windowsHide: true,
      // A command is none of these where it looks like one.
      ...(execArgv === undefined ? {} : { execArgv }),
    },
    clock,
  );
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (ownGroups && child.pid !== undefined) process.kill(-child.pid, name);
      else child.kill(name);
    } catch {
      // It is gone.
    }
  };
  const ended = new Promise<End>((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined)
        resolve({ exitCode: null, signal: null, how: `could not be started: ${textOf(error)}` });
    });
    child.once('exit', (exitCode, name) => {
      // What it has started is its own no more.
      if (ownGroups) signal('SIGKILL');
      resolve({ exitCode, signal: name, how: `ended with ${name ?? `exit code ${exitCode}`}` });
    });
  });
  const { pid, stdout, stderr } = child;
  return { pid, link, stdout, stderr, ended, ask: () => signal('SIGTERM'), kill: () => signal('SIGKILL') };
}

function threadBody(given: BodySettings): Body {
  const { settings, number, clock } = given;
  const { file, args, execArgv, output, name } = settings;
  const reads = output !== 'inherit';
  const { worker, link } = startThread(
    file ?? '',
    {
      name: `${name} ${number}`,
      argv: [...args],
      env: environment(given),
      stdout: reads,
      stderr: reads,
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
      ...(settings.maxMemoryBytes === undefined
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: Math.ceil(settings.maxMemoryBytes / 1_048_576) } }),
    },
    clock,
  );
  const ended = new Promise<End>((resolve) => {
    let failed = '';
    worker.on('error', (error) => {
      failed = ` of ${textOf(error)}`;
    });
    worker.once('exit', (exitCode) =>
      resolve({ exitCode, signal: null, how: `ended with exit code ${exitCode}${failed}` }),
    );
  });
  if (output === 'ignore') for (const stream of [worker.stdout, worker.stderr]) stream.resume();
  const end = (): void => void worker.terminate();
  const streams = output === 'prefix' ? worker : { stdout: null, stderr: null };
  return { pid: process.pid, link, stdout: streams.stdout, stderr: streams.stderr, ended, ask: end, kill: end };
}
