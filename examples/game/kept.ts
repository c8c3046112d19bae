import { BusError } from 'busbar';
import { Log } from 'busbar/journal';

/** An owner that lost what it had without dying lets go of its log within moments. */
const openMs = 10_000;

/** Opens a log that a process which is about to end may still have. */
export async function openLog(folder: string): Promise<Log> {
  const until = Date.now() + openMs;
  for (;;) {
    try {
      return await Log.open(folder);
    } catch (error) {
      const isInUse = error instanceof BusError && error.code === 'ERR_JOURNAL_IN_USE';
      if (!isInUse || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Writes down what is left for the process that comes next, whichever hub that has. */
export async function keep<State>(folder: string, state: State): Promise<State> {
  const log = await openLog(folder);
  const sequence = log.append(Buffer.from(JSON.stringify(state)));
  if (sequence === undefined) throw new Error(`There is no room in ${folder}`);
  await log.pending;
  log.keepFrom(sequence);
  await log.close();
  return state;
}

/** What was written down last, if anything was. */
export async function kept<State>(folder: string): Promise<State | undefined> {
  const log = await openLog(folder);
  let state: State | undefined;
  for await (const { body } of log.read(1)) state = JSON.parse(Buffer.from(body).toString()) as State;
  await log.close();
  return state;
}
