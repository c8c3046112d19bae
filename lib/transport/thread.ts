import { resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { textOf } from '../base/thrown.ts';
import { checkFile, type Offspring, parentData } from './offspring.ts';
import { PortLink } from './port-link.ts';

/** A thread that was started with a link to it. */
export interface Thread extends Offspring {
  readonly worker: Worker;
}

/**
 * Starts `file` in a thread, with a port of a channel in its environment data. Throws `ERR_SPAWN` where the file does not exist, and
 * for what `new Worker` does not take.
 */
export function startThread(file: string | URL, options: WorkerOptions, clock: Clock): Thread {
  const where = options.eval === true || (file instanceof URL && file.protocol !== 'file:') ? file : pathOf(file);
  const threads = process.getBuiltinModule('node:worker_threads');
  const { port1: near, port2: far } = new threads.MessageChannel();
  let worker: Worker;
  try {
    // It is copied to the thread as the thread is made, and is no matter of others that are made later.
    threads.setEnvironmentData(parentData, far);
    worker = new threads.Worker(where, { ...options, transferList: [...(options.transferList ?? []), far] });
  } catch (error) {
    near.close();
    throw new BusError('ERR_SPAWN', `Cannot start the thread: ${textOf(error)}`, { cause: error });
  } finally {
    threads.setEnvironmentData(parentData, undefined);
  }
  let failed: (cause: Error) => void;
  const over = new Promise<Awaited<Offspring['over']>>((settle) => {
    failed = (cause) => settle({ how: `failed: ${textOf(cause)}`, cause });
    worker.on('error', failed);
    worker.once('exit', (code) => settle({ how: `ended with exit code ${code}` }));
  });
  const link = new PortLink(near, { remote: String(worker.threadId), final: true, clock });
  return {
    worker,
    link,
    over,
    end: () => void worker.terminate(),
    release: () => void worker.off('error', failed),
  };
}

function pathOf(file: string | URL): string {
  const path = resolve(typeof file === 'string' ? file : fileURLToPath(file));
  checkFile(path);
  return path;
}
