import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/** Whether there is a curl to drive; specs that need one are skipped without it. */
export const hasCurl = spawnSync('curl', ['--version']).status === 0;

export interface CurlAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** curl's own exit code; 0 when the transfer was complete. */
  readonly exit: number;
}

/** Runs curl with `args` and reads the last response it got; interim ones (100) are skipped. */
export async function curl(url: string, args: readonly string[] = [], input?: Uint8Array): Promise<CurlAnswer> {
  const child = spawn('curl', ['-sS', '-i', '--max-time', '20', ...args, url], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [output, [exit]] = await Promise.all([buffer(child.stdout), once(child, 'close') as Promise<[number]>]);
  let rest = output;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.subarray(0, Math.max(end, 0)).toString('latin1').split('\r\n');
    const status = Number(first.split(' ')[1] ?? 0);
    rest = rest.subarray(end + 4);
    if (status >= 100 && status < 200) continue;
    const headers = lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 2),
    ]);
    return { status, headers: Object.fromEntries(headers), body: rest, exit };
  }
}

/** curl's arguments for the key of a peer. */
export function withKey(key: string): string[] {
  return ['-H', `Authorization: Bearer ${key}`];
}
