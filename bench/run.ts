import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Numbers } from './control/commands.ts';
import { Desk, type Remote } from './control/desk.ts';
import type { Pace, Scenario, Variant } from './scenarios/scenario.ts';

export interface RunSettings {
  readonly pace: Pace;
  /** The Node that runs the processes under test. */
  readonly node: string;
  readonly nodeArgs: readonly string[];
}

const workerFile = fileURLToPath(new URL('./worker.js', import.meta.url));
let lastRun = 0;

/** One run of one scenario with one peer: new processes, one measurement, and all are gone again. */
export async function runOnce(
  scenario: Scenario,
  variant: Variant,
  peer: string,
  settings: RunSettings,
): Promise<Numbers> {
  const desk = new Desk();
  const children: ChildProcess[] = [];
  lastRun += 1;
  const address = join(desk.folder, `s${lastRun}`);
  const expect = (part: string): Promise<Remote> => desk.expect(part);
  const start = (part: string): Promise<Remote> => {
    const args = [...settings.nodeArgs, '--expose-gc', workerFile, part, peer, scenario.name, address, desk.path];
    const remote = expect(part);
    children.push(spawn(settings.node, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
    return remote;
  };
  try {
    await desk.open();
    return await scenario.measure({ start, expect, pace: settings.pace }, variant, peer);
  } finally {
    desk.dismiss();
    await Promise.all(children.map(ended));
    await desk.close();
  }
}

/** The processes end by themselves when the desk dismisses them; one that does not is killed. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const kill = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await new Promise<void>((resolve) => child.once('close', () => resolve()));
  clearTimeout(kill);
}
