import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { BusError } from '../../base/errors.ts';
import { codeOf, textOf } from '../../base/thrown.ts';
import { defineFleet, type FleetConfig } from '../../plugins/fleet/index.ts';

const endings = ['js', 'mjs', 'cjs', 'ts', 'mts', 'cts'];
const script = /\.[cm]?[jt]s$/i;

/** Whether an argument of a command is the path of a config. */
export function isConfigPath(argument: string | undefined): argument is string {
  return argument !== undefined && (script.test(argument) || argument.includes('/') || argument.includes('\\'));
}

/**
 * The config at `given`, or in the working directory. Its folder is the working directory from then on, as all paths in it are relative to
 * that. Rejects with `ERR_INVALID_OPTION` with what is wrong with it.
 */
export async function loadConfig(given: string | undefined): Promise<FleetConfig> {
  const path = given === undefined ? found() : resolve(given);
  if (!existsSync(path)) throw invalid(`There is no config ${path}`);
  process.chdir(dirname(path));
  const exported = await load(path);
  try {
    return defineFleet(exported as FleetConfig);
  } catch (error) {
    throw invalid(`${basename(path)}: ${textOf(error)}`, error);
  }
}

/** The default export of a module. */
export async function load(path: string): Promise<unknown> {
  const name = basename(path);
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
    if (module.default === undefined) throw new Error('it has no default export');
    // A CommonJS file that was compiled from a module has it once more inside.
    const { default: exported } = module;
    const isNested =
      typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported;
    return isNested ? exported.default : exported;
  } catch (error) {
    if (codeOf(error) === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw invalid(`${name}: Node ${process.versions.node} cannot read TypeScript; use 22.18 or newer`, error);
    }
    throw invalid(`${name} cannot be loaded: ${textOf(error)}`, error);
  }
}

function found(): string {
  const name = endings.map((ending) => `busbar.config.${ending}`).find((one) => existsSync(one));
  if (name !== undefined) return resolve(name);
  throw invalid(`There is no busbar.config.js or .ts in ${process.cwd()}`);
}

function invalid(message: string, cause?: unknown): BusError {
  return new BusError('ERR_INVALID_OPTION', message, cause === undefined ? {} : { cause });
}
