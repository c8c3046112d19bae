import { spawnSync } from 'node:child_process';
import { command } from '../../support/command.ts';

export const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** Runs curl and resolves with all it printed, the head of the answer included where asked for with `-i`. */
export async function curl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await command('curl', ['-sS', '--max-time', '10', ...args]);
  if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}`);
  return stdout;
}
