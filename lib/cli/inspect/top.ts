import process from 'node:process';
import type { Snapshot } from '../../bus/inspect/inspection-snapshot.ts';
import type { Looker } from '../../bus/inspect/looker.ts';
import { exitCode } from '../failure.ts';
import { printableJson } from '../../base/printable.ts';
import type { Program } from '../program.ts';
import { lookCommand, looking, type LookValues } from './commands.ts';
import { SnapshotFeed } from './snapshots.ts';
import { Terminal } from './terminal.ts';
import { type Looking, nextOrder, topLines } from './top-screen.ts';
import { sorted, type View, viewOf } from './view.ts';

const everyMs = 1_000;
const plainRows = 1_000;

interface Values extends LookValues {
  readonly json?: true;
}

/** `busbar top`: the clients of a server in a table that lives. */
export function addTop(program: Program): void {
  const { around } = program;
  lookCommand<Values>(
    program,
    'top',
    'the clients of a server, with rates, what waits and round trips',
    (words, values) =>
      looking(words[0] ?? '', values, async (looker, left) => {
        // There is no end to it but that of who looks.
        const { timeout } = left;
        const isLive = process.stdout.isTTY && process.stdin.isTTY && values.json !== true;
        const ended = new Promise<void>((resolve) => {
          looker.onClose(resolve);
          around.onEnough(() => resolve());
        });
        if (isLive) {
          await new LiveTop(looker, timeout).until(ended);
          return exitCode.done;
        }
        const feed = new SnapshotFeed(looker);
        let before = await feed.next(timeout);
        for (;;) {
          if (await isOver(ended, everyMs)) return exitCode.done;
          const now = await feed.next(timeout);
          const view = viewOf(now, before);
          before = now;
          if (values.json === true) {
            const { rates, cpu, peers } = view;
            const { gone: _, after: __, serial: ___, ...shown } = now;
            around.out(`${printableJson({ ...shown, rates, cpu, peers })}\n`);
            continue;
          }
          around.out(`${topLines(view, start, process.stdout.columns || 100, plainRows, true).join('\n')}\n`);
          return exitCode.done;
        }
      }),
  )
    .option('--json', 'an object a second instead of a table')
    .addHelpText(
      'after',
      '\nKeys: s another column to sort by, r reverse, f freeze, up and down and enter to open a peer, q quit.\n',
    );
}

async function isOver(ended: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const later = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const over = await Promise.race([ended.then(() => true), later]);
  clearTimeout(timer);
  return over;
}

const start: Looking = { order: 'slow', isReversed: false, isFrozen: false, selected: undefined, isOpen: false };

class LiveTop {
  readonly #feed: SnapshotFeed;
  readonly #timeout: number;
  #looking = start;
  #view: View | undefined;
  #before: Snapshot | undefined;
  #quit: () => void = () => {};
  #terminal: Terminal | undefined;

  constructor(looker: Looker, timeout: number) {
    this.#feed = new SnapshotFeed(looker);
    this.#timeout = timeout;
  }

  async until(ended: Promise<void>): Promise<void> {
    const quit = new Promise<void>((resolve) => {
      this.#quit = resolve;
    });
    this.#terminal = new Terminal(
      (key) => this.#press(key),
      () => this.#draw(),
    );
    const over = Promise.race([ended, quit]);
    try {
      do {
        await Promise.race([this.#look(), over]);
      } while (!(await isOver(over, everyMs)));
    } finally {
      this.#terminal.close();
    }
  }

  async #look(): Promise<void> {
    const now = await this.#feed.next(this.#timeout);
    const view = viewOf(now, this.#before);
    this.#before = now;
    if (this.#looking.isFrozen) return;
    this.#view = view;
    this.#draw();
  }

  #draw(): void {
    if (this.#view === undefined || this.#terminal === undefined) return;
    const { columns, rows } = this.#terminal;
    this.#terminal.show(topLines(this.#view, this.#looking, columns, rows, false));
  }

  #press(key: string): void {
    const { order, isReversed, isFrozen, selected, isOpen } = this.#looking;
    if (key === 'q') this.#quit();
    else if (key === 's') this.#change({ order: nextOrder(order) });
    else if (key === 'r') this.#change({ isReversed: !isReversed });
    else if (key === 'f' || key === 'space') this.#change({ isFrozen: !isFrozen });
    else if (key === 'up' || key === 'down') this.#move(key === 'up' ? -1 : 1);
    else if ((key === 'return' || key === 'enter') && selected !== undefined) this.#change({ isOpen: true });
    else if (key === 'escape' || key === 'left')
      this.#change({ isOpen: false, ...(!isOpen && { selected: undefined }) });
  }

  #move(by: number): void {
    const { order, isReversed, selected } = this.#looking;
    const peers = sorted(this.#view?.peers ?? [], order, isReversed);
    const at = peers.findIndex(({ id }) => id === selected);
    const next = peers[Math.min(peers.length - 1, Math.max(0, at + by))];
    this.#change({ selected: next?.id });
  }

  #change(change: Partial<Looking>): void {
    this.#looking = { ...this.#looking, ...change };
    this.#draw();
  }
}
