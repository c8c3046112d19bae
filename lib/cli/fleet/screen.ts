import type { FleetProcess } from '../../plugins/fleet/index.ts';
import { Printer } from '../../plugins/fleet/printer.ts';
import { systemClock } from '../../base/system-clock.ts';
import { printable, printableJson } from '../../base/printable.ts';
import { tableOf } from './table.ts';

/** Where a fleet that runs is seen. */
export interface Display {
  /** Something happened. */
  event(event: string, about: object): void;
  line(process: FleetProcess, line: string, stream: string): void;
  /** The last words are out. */
  end(): Promise<void>;
}

const flushMs = 500;

/** JSON lines, for programs. Waits for nobody who reads them. */
export class JsonLines implements Display {
  readonly #printer = new Printer(systemClock, 1);

  event(event: string, about: object): void {
    this.#printer.print(`${printableJson({ time: new Date().toISOString(), event, ...about })}\n`);
  }

  line({ group, number, pid }: FleetProcess, line: string, stream: string): void {
    this.event('line', { group, number, pid, stream, line });
  }

  end(): Promise<void> {
    return this.#printer.flush(flushMs);
  }
}

const drawEveryMs = 1_000;
const drawSoonMs = 100;
/** Lines between two drawings; the first ones of more are left out. */
const mostLines = 500;
const clearBelow = '\u001B[J';
const clearRight = '\u001B[K';

/** What processes print, and below it a table that stays. */
export class LiveTable implements Display {
  readonly #status: () => readonly FleetProcess[];
  readonly #size: () => { readonly columns?: number; readonly rows?: number };
  readonly #printer = new Printer(systemClock, 1);
  readonly #every: NodeJS.Timeout;
  #soon: NodeJS.Timeout | undefined;
  #lines: string[] = [];
  #left = 0;
  /** Lines of the table on the screen. */
  #drawn = 0;

  constructor(
    status: () => readonly FleetProcess[],
    size: () => { readonly columns?: number; readonly rows?: number },
  ) {
    this.#status = status;
    this.#size = size;
    this.#every = setInterval(() => this.#draw(), drawEveryMs);
    this.#drawSoon();
  }

  event(event: string, about: object): void {
    const { group, number, pid, reason, exitCode, signal, message } = about as Readonly<
      Record<string, string | number | null>
    >;
    const who = group === undefined ? '' : ` ${group} ${number}${pid === undefined ? '' : ` (${pid})`}`;
    const how = [
      reason,
      signal ?? (exitCode === null || exitCode === undefined ? undefined : `exit code ${exitCode}`),
      message,
    ];
    this.#add(
      `busbar:${who} ${event}${how
        .filter((one) => one !== undefined && one !== null)
        .map((one) => `, ${one}`)
        .join('')}`,
    );
  }

  line({ group, number }: FleetProcess, line: string): void {
    this.#add(`${group} ${number} | ${line}`);
  }

  async end(): Promise<void> {
    clearInterval(this.#every);
    clearTimeout(this.#soon);
    this.#draw();
    await this.#printer.flush(flushMs);
  }

  #add(line: string): void {
    if (this.#lines.push(printable(line)) > mostLines) {
      this.#lines.shift();
      this.#left += 1;
    }
    this.#drawSoon();
  }

  #drawSoon(): void {
    this.#soon ??= setTimeout(() => this.#draw(), drawSoonMs);
  }

  #draw(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    // A terminal that takes nothing gets the newest once it does.
    if (this.#printer.isFull) return;
    const { columns = 80, rows = 24 } = this.#size();
    const left = this.#left === 0 ? [] : [`busbar: ${this.#left} lines were left out`];
    const table = fitting(tableOf(this.#status(), Date.now()), Math.max(4, Math.floor((rows * 2) / 3)));
    const up = this.#drawn === 0 ? '' : `\u001B[${this.#drawn}F`;
    const text = [...left, ...this.#lines, '', ...table]
      .map((line, index, all) => (index < all.length - table.length ? line : line.slice(0, columns - 1)) + clearRight)
      .join('\n');
    this.#printer.print(`${up}${clearBelow}${text}\n`);
    this.#lines = [];
    this.#left = 0;
    this.#drawn = table.length + 1;
  }
}

/** As many lines as there is room for, and how many are left out. */
function fitting(table: readonly string[], rows: number): string[] {
  if (table.length <= rows) return [...table];
  return [...table.slice(0, rows - 1), `… and ${table.length - rows + 1} more: busbar status`];
}
