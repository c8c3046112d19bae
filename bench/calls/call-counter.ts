import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const built = join(root, 'build', 'lib') + sep;

/** What ran: how often each function did, as `file name`, and in how many files of lib/. */
export interface Calls {
  readonly total: number;
  readonly files: number;
  readonly byFunction: ReadonlyMap<string, number>;
}

/** Counts the calls of functions of lib/ in this process; one that runs twice counts twice. */
export class CallCounter {
  readonly #session = new Session();
  readonly #sources = new Map<string, string>();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  }

  /** What ran since the last `take`. */
  take(): Calls {
    const byFunction = new Map<string, number>();
    const files = new Set<string>();
    let total = 0;
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      for (const { url, functions } of taken.result) {
        const source = this.#sourceOf(url);
        if (source === undefined) continue;
        for (const { functionName, ranges } of functions) {
          const count = ranges[0]?.count ?? 0;
          if (count === 0) continue;
          const name = `${source} ${functionName || '(anonymous)'}`;
          byFunction.set(name, (byFunction.get(name) ?? 0) + count);
          files.add(source);
          total += count;
        }
      }
    });
    return { total, files: files.size, byFunction };
  }

  close(): void {
    this.#session.disconnect();
  }

  /** The file of lib/ that the module at `url` was made from; undefined for what is none of it. */
  #sourceOf(url: string): string | undefined {
    if (!url.startsWith('file:')) return undefined;
    const known = this.#sources.get(url);
    if (known !== undefined) return known || undefined;
    const path = fileURLToPath(url);
    const source = path.startsWith(built) ? relative(root, join(dirname(path), mappedSource(path))) : '';
    this.#sources.set(url, source);
    return source || undefined;
  }
}

function mappedSource(path: string): string {
  const map = JSON.parse(readFileSync(`${path}.map`, 'utf8')) as { readonly sources: readonly [string] };
  return map.sources[0];
}

/** The one of `samples` that came most often: what else runs now and then, such as a timer, is none of an operation's. */
export function usual(samples: readonly Calls[]): Calls {
  const counts = new Map<string, { count: number; readonly calls: Calls }>();
  for (const calls of samples) {
    const key = `${calls.total} ${calls.files}`;
    const seen = counts.get(key) ?? { count: 0, calls };
    seen.count += 1;
    counts.set(key, seen);
  }
  const [most] = [...counts.values()].sort((a, b) => b.count - a.count);
  if (most === undefined) throw new Error('Nothing was sampled.');
  return most.calls;
}
