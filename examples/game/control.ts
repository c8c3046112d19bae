import { Client, type ClientOptions } from 'busbar';
import type { Arrival, ControlBus, Progress, Report } from './contract.ts';

/** What a process does for the supervisor. */
export interface Duties {
  progress?(): Progress;
  /** Begins nothing new, and resolves when nothing is in flight. */
  stop(): Promise<void>;
  report(): Report;
  /** Lets go of everything, so that the process can end. */
  leave(): Promise<void>;
}

/** How a process is told where a bus is: the path of a socket, or `tcp:host:port`. */
export function at(address: string): ClientOptions {
  return address.startsWith('tcp:') ? { url: address } : { path: address };
}

/** Tells the supervisor that this process is ready, serves it, and ends when the supervisor ends or says so. */
export async function join(address: string, arrival: Omit<Arrival, 'pid'>, duties: Duties): Promise<void> {
  // A terminal sends its Ctrl-C to all processes; the supervisor is the one that acts on it.
  process.on('SIGINT', () => {});
  const control = new Client<ControlBus>({ ...at(address), reconnect: false });
  control.handle(async (request) => {
    if (request === 'progress') return duties.progress?.() ?? null;
    if (request === 'report') return duties.report();
    await duties.stop();
    return null;
  });
  control.on('close', () => void duties.leave().finally(() => process.exit()));
  await control.connect({ ...arrival, pid: process.pid });
}
