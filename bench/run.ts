import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Adapter } from './adapters/adapter.ts';
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

/** One run of one scenario with one peer: two new processes, one measurement, and both are gone again. */
export async function runOnce(
  scenario: Scenario,
  variant: Variant,
  adapter: Adapter,
  settings: RunSettings,
): Promise<Numbers> {
  const desk = new Desk();
  const children: ChildProcess[] = [];
  lastRun += 1;
  const address = join(desk.folder, `s${lastRun}`);
  const start = (role: string): Promise<Remote> => {
    const args = [
      ...settings.nodeArgs,
      '--expose-gc',
      workerFile,
      role,
      adapter.name,
      scenario.name,
      address,
      desk.path,
    ];
    const remote = desk.expect(role);
    children.push(spawn(settings.node, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
    return remote;
  };
  try {
    await desk.open();
    const server = await start('server');
    await server.call('open');
    const clients = adapter.spawn === undefined ? await start('clients') : await spawned(desk, server);
    await clients.call('open', { clients: variant.clients });
    return await scenario.measure({ server, clients, pace: settings.pace }, variant);
  } finally {
    await desk.close();
    await Promise.all(children.map(ended));
  }
}

async function spawned(desk: Desk, server: Remote): Promise<Remote> {
  const remote = desk.expect('clients');
  await server.call('spawnClients');
  return remote;
}

/** The processes end by themselves when the desk closes; one that does not is killed. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const kill = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await new Promise<void>((resolve) => child.once('close', () => resolve()));
  clearTimeout(kill);
}
