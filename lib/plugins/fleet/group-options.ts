import { BusError } from '../../base/errors.ts';
import {
  custom,
  type Given,
  integer,
  oneOf,
  type OptionSpec,
  optional,
  type Resolved,
  resolveOptions,
} from '../../base/options.ts';
import { longestTimerMs } from '../../base/clock.ts';
import { type ListenPlace, placeOf } from '../../transport/kept-port.ts';

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\0');
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string');
const isCount = (value: unknown, min: number): boolean => Number.isSafeInteger(value) && (value as number) >= min;

const texts = (): OptionSpec<readonly string[]> =>
  custom<readonly string[]>({ type: 'string[]', default: [], accepts: isTexts });
const wait = (fallback: number): OptionSpec<number> =>
  integer({ default: fallback, min: 1, max: longestTimerMs, unit: 'ms' });

/** Options of a group of a fleet. */
export const groupTable = {
  /** The script that each process runs: `.js`, `.mjs`, `.cjs`, `.ts`, `.mts` or `.cts`, or a `file:` URL; a relative path is relative to `cwd`. */
  file: custom<string | URL | undefined>({
    type: 'a path or a file: URL',
    default: undefined,
    accepts: (value) => isText(value) || (value instanceof URL && value.protocol === 'file:'),
  }),
  /**
   * Instead of `file`, a command, found as `child_process.spawn` finds it, which in turn starts a client of its parent.
   */
  command: custom<string | undefined>({ type: 'string', default: undefined, accepts: isText }),
  /** The arguments of `file` or `command`. */
  args: texts(),
  /** Number of processes. */
  count: integer({ default: 1, max: 10_000 }),
  /** Variables that override those of this process; `undefined` removes one. */
  env: custom<Readonly<Record<string, string | undefined>>>({
    type: 'an object of strings',
    default: {},
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((text) => text === undefined || typeof text === 'string'),
  }),
  /** The working directory. Default: that of this process. */
  cwd: custom<string | undefined>({ type: 'string', default: undefined, accepts: isText }),
  /** Arguments of Node before `file`. Default: those of this process. */
  execArgv: optional(texts()),
  /** Threads of this process instead of processes. */
  thread: custom<boolean>({ type: 'boolean', default: false, accepts: (value) => typeof value === 'boolean' }),
  /** After this many deaths within this many milliseconds, the process is not started again. */
  limit: custom<readonly [deaths: number, withinMs: number]>({
    type: '[deaths, milliseconds]',
    default: [5, 30_000],
    accepts: (value) => Array.isArray(value) && value.length === 2 && isCount(value[0], 1) && isCount(value[1], 1),
  }),
  /** What happens when a process dies: it is started again, alone or together with the groups after its own. */
  strategy: oneOf({ choices: ['one-for-one', 'rest-for-one'], default: 'one-for-one' }),
  /** A process with more than this in memory is replaced; checked every second. Default: no limit. */
  maxMemoryBytes: optional(integer({ default: 0, min: 1_048_576, unit: 'bytes' })),
  /** stdout and stderr: printed line by line with group and number before, passed on unchanged, or dropped. */
  output: oneOf({ choices: ['prefix', 'inherit', 'ignore'], default: 'prefix' }),
  /** A process is ready when its client is ready on the bus, or when it calls `fleetReady`. */
  ready: oneOf({ choices: ['bus', 'signal'], default: 'bus' }),
  /** Time that it has to become ready. */
  readyTimeoutMs: wait(30_000),
  /** Time that it has to end before it is killed; SIGTERM comes half-way. */
  stopTimeoutMs: wait(5_000),
  /** Groups that start before this one and end after it; `hub` is the server. */
  after: texts(),
  /** TCP ports that this process holds open for those of the group, each a port of 127.0.0.1 or `host:port`. */
  listen: custom<readonly (number | string)[]>({
    type: "an array of ports and 'host:port'",
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((place) => placeOf(place) !== undefined),
  }),
};

export type GroupOptions = Given<typeof groupTable>;
/** The groups of a fleet by their names. */
export type Groups = Readonly<Record<string, GroupOptions>>;

/** A group as it runs. */
export interface GroupSettings extends Resolved<typeof groupTable> {
  readonly name: string;
  readonly places: readonly ListenPlace[];
}

const nameForm = /^[a-z0-9][a-z0-9_.-]{0,63}$/i;

/** @throws BusError `ERR_INVALID_OPTION`, naming the group and what is wrong with it. */
export function groupSettings(given: Groups): GroupSettings[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid('A fleet takes its groups as an object, by their names');
  }
  const groups = Object.entries(given).map(([name, options]) => {
    if (!nameForm.test(name))
      throw invalid(`The name of a group has 1 to 64 letters, digits, "_", "-" and ".", not "${name}"`);
    if (name === 'hub') throw invalid('No group may be named hub, which is the server');
    const settings = resolveOptions(`Group ${name}`, groupTable, options);
    checkTogether(name, settings);
    return { name, ...settings, places: settings.listen.flatMap((place) => placeOf(place) ?? []) };
  });
  if (groups.length === 0) throw invalid('A fleet needs at least one group');
  checkPorts(groups);
  return groups;
}

function checkTogether(name: string, { file, command, thread, cwd, listen }: Resolved<typeof groupTable>): void {
  if ((file === undefined) === (command === undefined)) {
    throw invalid(`Group ${name} needs option file or option command, and not both`);
  }
  if (!thread) return;
  const without = { command, cwd, listen: listen.length > 0 ? listen : undefined };
  for (const [option, value] of Object.entries(without)) {
    if (value !== undefined) throw invalid(`Group ${name}: threads do not have option ${option}`);
  }
}

function checkPorts(groups: readonly GroupSettings[]): void {
  const owners = new Map<number, string>();
  for (const { name, places } of groups) {
    for (const { port } of places) {
      const owner = owners.get(port);
      if (owner !== undefined) throw invalid(`Group ${name}: port ${port} is listed by group ${owner}`);
      owners.set(port, name);
    }
  }
}

function invalid(message: string): BusError {
  return new BusError('ERR_INVALID_OPTION', message);
}
