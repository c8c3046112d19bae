import { MultiBar } from 'cli-progress';
import type { Progress } from './contract.ts';

/** What is shown while the game runs. */
export interface Live {
  show(seconds: number, progress: Shown): void;
  /** Something happened that is worth a line of its own. */
  say(line: string): void;
  end(): void;
}

export interface Shown extends Progress {
  /** Those that own areas. */
  readonly zones: number;
}

/** A bar on a terminal, a line each second elsewhere. */
export function live(output: NodeJS.WriteStream, seconds: number): Live {
  return output.isTTY ? bar(output, seconds) : lines(output);
}

function bar(output: NodeJS.WriteStream, seconds: number): Live {
  const bars = new MultiBar({
    stream: output,
    format: '{bar} {value}/{total} s  {text}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 20,
    hideCursor: true,
    clearOnComplete: true,
  });
  const single = bars.create(seconds, 0, { text: '' });
  let ended = false;
  return {
    show: (now, progress) => single.update(Math.min(seconds, Math.floor(now)), { text: describe(progress) }),
    say(line) {
      bars.log(`${line}\n`);
      bars.update();
    },
    end() {
      if (!ended) bars.stop();
      ended = true;
    },
  };
}

function lines(output: NodeJS.WriteStream): Live {
  let shown = 0;
  return {
    show(now, progress) {
      if (Math.floor(now) === shown) return;
      shown = Math.floor(now);
      output.write(`${shown} s: ${describe(progress)}\n`);
    },
    say: (line) => void output.write(`${line}\n`),
    end() {},
  };
}

function describe({ moves, trades, snapshots, zones }: Shown): string {
  return `${grouped(moves)} moves, ${grouped(trades)} trades, ${grouped(snapshots)} snapshots, ${zones} zones`;
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
