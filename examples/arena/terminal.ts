import { emitKeypressEvents } from 'node:readline';
import { height, type Snapshot, width } from './contract.ts';

const directions: Readonly<Record<string, readonly [number, number]>> = {
  up: [0, -1],
  down: [0, 1],
  left: [-1, 0],
  right: [1, 0],
  space: [0, 0],
};

/** Draws what a player sees, itself as `@`. */
export function showMap({ players, coins }: Snapshot, me: number): void {
  const map = Array.from({ length: height }, () => Array.from({ length: width }, () => '.'));
  const put = (x: number, y: number, mark: string): void => {
    const row = map[y];
    if (row !== undefined) row[x] = mark;
  };
  for (const { x, y } of coins) put(x, y, 'o');
  for (const { user, x, y } of players) put(x, y, user === me ? '@' : 'b');
  process.stdout.write(`\u001B[H\u001B[J${map.map((row) => row.join('')).join('\n')}\narrows to run, space to stand\n`);
}

/** Calls `steer` for the arrow keys; the function returned gives the terminal back. */
export function followKeys(steer: (dx: number, dy: number) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const onKey = (_text: string, key: { readonly name?: string; readonly ctrl?: boolean }): void => {
    if (key.ctrl === true && key.name === 'c') process.kill(process.pid, 'SIGINT');
    const direction = directions[key.name ?? ''];
    if (direction !== undefined) steer(...direction);
  };
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('keypress', onKey);
  return () => {
    stdin.off('keypress', onKey);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
