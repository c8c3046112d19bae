import process from 'node:process';
import { emitKeypressEvents, type Key } from 'node:readline';

const enter = '\u001B[?1049h\u001B[?25l\u001B[?7l';
const leave = '\u001B[?7h\u001B[?25h\u001B[?1049l';
const home = '\u001B[H';
const clearRight = '\u001B[K';
const clearBelow = '\u001B[J';

/** The whole of a terminal, with its keys, until `close()` leaves it as it was. */
export class Terminal {
  readonly #onKey: (name: string) => void;
  readonly #onResize: () => void;
  #isOpen = true;

  /** `onKey` gets the name of a key; ctrl-c is `q`. */
  constructor(onKey: (name: string) => void, onResize: () => void) {
    this.#onKey = onKey;
    this.#onResize = onResize;
    emitKeypressEvents(process.stdin);
    process.stdin.setRawMode(true);
    process.stdin.on('keypress', this.#pressed);
    process.stdin.resume();
    process.stdout.on('resize', this.#onResize);
    process.once('exit', this.#leave);
    process.stdout.write(enter);
  }

  get columns(): number {
    return process.stdout.columns || 80;
  }

  get rows(): number {
    return process.stdout.rows || 24;
  }

  /** Does nothing while the terminal has not shown what came before. */
  show(lines: readonly string[]): void {
    if (!this.#isOpen || process.stdout.writableLength > 0) return;
    const text = lines.slice(0, this.rows).map((line) => line + clearRight);
    process.stdout.write(home + text.join('\r\n') + clearBelow);
  }

  close(): void {
    process.stdin.off('keypress', this.#pressed);
    process.stdin.pause();
    process.stdout.off('resize', this.#onResize);
    process.off('exit', this.#leave);
    this.#leave();
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.stdin.setRawMode(false);
    process.stdout.write(leave);
  };

  readonly #pressed = (text: string | undefined, { name, ctrl }: Key): void => {
    this.#onKey(ctrl === true && (name === 'c' || name === 'd') ? 'q' : (name ?? text ?? ''));
  };
}
