import { addJournal } from '../../lib/cli/journal.ts';
import { Program } from '../../lib/cli/program.ts';
import type { Outcome } from '../support/command.ts';

/** Runs a command in this process. `stop` is for those that end at a signal. */
export function inProcess(
  add: (program: Program) => void,
  args: readonly string[],
): { readonly outcome: Promise<Outcome>; readonly said: { stdout: string; stderr: string }; stop(): void } {
  const said = { stdout: '', stderr: '' };
  const listeners: ((signal: string) => void)[] = [];
  const program = new Program('', {
    environment: {},
    out: (text) => void (said.stdout += text),
    complain: (text) => void (said.stderr += text),
    onSignal: (listener) => void listeners.push(listener),
    onEnough: (listener) => void listeners.push(listener),
  });
  add(program);
  return {
    outcome: program.run(args).then((code) => ({ code, ...said })),
    said,
    stop: () => {
      for (const listener of listeners) listener('SIGINT');
    },
  };
}

export const journalInProcess = (...args: string[]): Promise<Outcome> =>
  inProcess(addJournal, ['journal', ...args]).outcome;
