import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Numbers } from '../control/commands.ts';

const execute = promisify(execFile);

/** Runs wrk with one thread. @throws Error when a request failed or had another status than 2xx. */
export async function wrk(port: number, seconds: number, connections: number): Promise<Numbers> {
  const url = `http://127.0.0.1:${port}/hello`;
  const { stdout } = await execute('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, url]);
  const trouble = /Socket errors.*|Non-2xx.*/.exec(stdout);
  if (trouble !== null) throw new Error(trouble[0]);
  const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1]);
  return { count: figure(/(\d+) requests in/), perSecond: figure(/Requests\/sec:\s+([\d.]+)/) };
}
