import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BusError } from '../../lib/base/errors.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { type Corpus, makeCorpus } from './corpus.ts';
import { mutate } from './mutate.ts';
import { type Target, targets } from './targets.ts';
import { stopwatch } from '../support/stopwatch.ts';

export interface FuzzFigures {
  readonly executions: number;
  readonly refused: number;
  /** The slowest execution. */
  readonly slowestMs: number;
  /** Memory in use at the end, beyond what was in use after the first tenth. */
  readonly grownBytes: number;
}

const allowedCodes = new Set(['ERR_PROTOCOL', 'ERR_TOO_LARGE']);
const hangMs = 100;

type Outcome = 'taken' | 'refused';

/** One execution, wholly decided by its number and the wheel; throws with what it takes to run it again. */
function execute(number: number, corpus: Corpus, wheel: readonly Target[]): Outcome | Promise<Outcome> {
  const random = new SeededRandom(number);
  const target = random.pick(wheel);
  const bytes = (target.change ?? mutate)(corpus[target.corpus], random);
  const failed = (error: unknown): 'refused' => {
    if (error instanceof BusError && allowedCodes.has(error.code)) return 'refused';
    const shown = Buffer.from(bytes.subarray(0, 2_000)).toString('hex');
    throw new Error(`execution ${number}, ${target.name}: ${String(error)}\n${shown}`, { cause: error });
  };
  try {
    const fed = target.feed(bytes, random);
    return fed === undefined ? 'taken' : fed.then(() => 'taken', failed);
  } catch (error) {
    return failed(error);
  }
}

/** Runs `count` executions of `among` from number `from` on, until the time given is over. */
export async function fuzz(
  from: number,
  count: number,
  mostMs = Number.POSITIVE_INFINITY,
  among: readonly Target[] = targets,
): Promise<FuzzFigures> {
  const { stackTraceLimit } = Error;
  const wheel = among.flatMap((target) => Array.from({ length: target.weight }, () => target));
  // Stacks that nobody looks at take most of the time; one execution alone, run again, has them.
  if (count > 1) Error.stackTraceLimit = 0;
  try {
    return await run(from, count, mostMs, wheel);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function run(from: number, count: number, mostMs: number, wheel: readonly Target[]): Promise<FuzzFigures> {
  const corpus = await makeCorpus();
  const startedAt = performance.now();
  let before = startedAt;
  let refused = 0;
  let executions = 0;
  let slowestMs = 0;
  let held = heldBytes();
  for (; executions < count && before - startedAt < mostMs; executions++) {
    const running = execute(from + executions, corpus, wheel);
    if ((typeof running === 'string' ? running : await running) === 'refused') refused += 1;
    const now = performance.now();
    if (now - before > slowestMs) slowestMs = now - before;
    if (now - before > hangMs) slowestMs = await again(from + executions, corpus, wheel);
    before = now;
    if (executions % 2_000 === 0) {
      // zlib reports some errors on a later turn; they have to come up in here.
      await new Promise(setImmediate);
      before = performance.now();
    }
    if (executions === Math.floor(count / 10)) held = heldBytes();
  }
  return { executions, refused, slowestMs, grownBytes: heldBytes() - held };
}

/** A pause of the whole machine is no hang: the slow execution is run again, and the quickest of three counts. */
async function again(number: number, corpus: Corpus, wheel: readonly Target[]): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3; attempt++) {
    await new Promise(setImmediate);
    const elapsedMs = stopwatch();
    await execute(number, corpus, wheel);
    least = Math.min(least, elapsedMs());
  }
  if (least > hangMs) throw new Error(`execution ${number} took ${Math.round(least)} ms`);
  return least;
}

/** Memory in use after all garbage went: the heap and the buffers outside it. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
