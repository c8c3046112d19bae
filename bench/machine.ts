import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** What the results were measured on, with nothing that names the machine itself. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
}

/** @throws Error when `node` does not run. */
export function machine(node: string): Machine {
  const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${node} is no Node.`);
  return {
    cpu: (cpus()[0]?.model ?? 'unknown').replaceAll(/\s+/g, ' ').trim(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: stdout.trim().replace(/^v/, ''),
  };
}

export function machineName({ cpu, cores, node }: Machine): string {
  const model = cpu.toLowerCase().replaceAll(/\(r\)|\(tm\)|processor|cpu|@.*$/g, '');
  const words = model.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
  return `${words}-x${cores}-node${node.split('.')[0]}`;
}

export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
