import process from 'node:process';
import type { Clock, Timer } from '../base/clock.ts';
import type { BusError } from '../base/errors.ts';
import { guarded } from '../base/handling.ts';
import { line, printableJson } from '../base/printable.ts';
import type { Redaction } from '../base/redaction.ts';
import type { PeerNews } from '../session/traffic.ts';
import type { PeerHandle, Plugin } from './plugin.ts';

/** Where lines go: pino, winston, `console` and others. Each is called with one string. */
export interface Logger {
  debug(line: string): unknown;
  info(line: string): unknown;
  warn(line: string): unknown;
  error(line: string): unknown;
}

const levels: readonly (keyof Logger)[] = ['debug', 'info', 'warn', 'error'];

export function isLogger(value: unknown): value is Logger {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return levels.every((level) => typeof (value as Readonly<Record<string, unknown>>)[level] === 'function');
}

/** Of texts that others chose. */
const longestName = 64;
const longestText = 512;

const short = (text: string, most: number): string => line(text.length <= most ? text : `${text.slice(0, most)}…`);

type Lines = {
  readonly [What in keyof PeerNews]: (
    about: PeerNews<PeerHandle>[What],
  ) => readonly [level: keyof Logger, text: string];
};

/** What strangers cause at will, and what is said of those that were too many. */
const floods = {
  refused: ['warn', 'more were refused'],
  error: ['error', 'more errors were reported'],
} as const;

const windowMs = 1_000;
const mostInWindow = 20;

/** Bounds how many lines there are in a second, and tells how many were left out. */
class LineLimit {
  readonly #tell: (leftOut: number) => void;
  #begunAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #leftOut = 0;
  #timer: Timer | undefined;

  constructor(tell: (leftOut: number) => void) {
    this.#tell = tell;
  }

  hasRoom(clock: Clock): boolean {
    const now = clock.now();
    if (now - this.#begunAt >= windowMs) {
      this.flush();
      this.#begunAt = now;
      this.#count = 0;
    }
    if (this.#count < mostInWindow) {
      this.#count += 1;
      return true;
    }
    this.#leftOut += 1;
    this.#timer ??= clock.setTimer(() => this.flush(), this.#begunAt + windowMs - now, true);
    return false;
  }

  flush(): void {
    const leftOut = this.#leftOut;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#leftOut = 0;
    if (leftOut > 0) this.#tell(leftOut);
  }
}

/** Writes what becomes of peers as a line each, in which a peer cannot begin another one or hide something. */
export class PeerLog {
  readonly #logger: Logger;
  readonly #redaction: Redaction;
  readonly #nameOf: (peer: PeerHandle) => string | undefined;
  readonly #limits: Partial<Record<keyof PeerNews, LineLimit>> = {
    refused: this.#limit('refused'),
    error: this.#limit('error'),
  };
  #clock: Clock | undefined;
  readonly #lines: Lines = {
    session: ({ peer, outcome }) =>
      outcome === 'lost'
        ? ['warn', `session lost, another one opened${this.#about(peer)}`]
        : ['info', `session ${outcome === 'fresh' ? 'opened' : 'resumed'}${this.#about(peer)}`],
    link: ({ peer }) => ['debug', `link lost${this.#about(peer)}`],
    ended: ({ peer, reason }) => [
      'info',
      `session ended${this.#about(peer)}${reason === undefined ? '' : `: ${this.#shown(reason)}`}`,
    ],
    refused: ({ peer, code, remoteAddress }) => [
      'warn',
      `refused with ${code}${this.#about(peer)}${at(remoteAddress)}`,
    ],
    slow: ({ peer }) => ['warn', `slow peer${this.#about(peer)}`],
    undelivered: ({ peer, count }) => ['warn', `${count} messages undelivered${this.#about(peer)}`],
    error: ({ peer, error }) => ['error', `${textOf(error)}${this.#about(peer)}`],
  };

  /** `nameOf`: what a client calls itself. */
  constructor(logger: Logger, redaction: Redaction, nameOf: (peer: PeerHandle) => string | undefined) {
    this.#logger = logger;
    this.#redaction = redaction;
    this.#nameOf = nameOf;
  }

  /** Never throws, whatever the logger does. */
  write<What extends keyof PeerNews>(what: What, about: PeerNews<PeerHandle>[What]): void {
    const limit = this.#limits[what];
    if (limit !== undefined && this.#clock !== undefined && !limit.hasRoom(this.#clock)) return;
    this.#write(() => this.#lines[what](about));
  }

  /** Has lost links and ends of sessions written too. */
  readonly plugin: Plugin<undefined> = {
    name: 'busbar.log',
    install: (host) => {
      this.#clock = host.clock;
      host.onLink((peer, up) => up || this.write('link', { peer }));
      host.onDisconnect((peer, reason) => this.write('ended', { peer, reason }));
      const dispose = (): void => {
        for (const limit of Object.values(this.#limits)) limit.flush();
      };
      host.onClose(dispose);
      return { api: undefined, dispose };
    },
  };

  #limit(what: keyof typeof floods): LineLimit {
    return new LineLimit((leftOut) => {
      const [level, text] = floods[what];
      this.#write(() => [level, `${leftOut} ${text}, which were too many within a second for a line each`]);
    });
  }

  #write(make: () => readonly [level: keyof Logger, text: string]): void {
    guarded(
      () => {
        const [level, text] = make();
        return this.#logger[level](`busbar: ${text}`);
      },
      () => {},
    );
  }

  #about(peer: PeerHandle | undefined): string {
    if (peer === undefined) return '';
    const { id, remoteAddress, linkKind } = peer;
    const name = this.#nameOf(peer);
    const called = name === undefined ? '' : ` ${line(JSON.stringify(name))}`;
    const by = linkKind === undefined ? '' : ` by ${linkKind}`;
    return `, peer ${short(id ?? '-', longestName)}${called}${by}${at(remoteAddress)}`;
  }

  #shown(value: unknown): string {
    return short(printableJson(this.#redaction.show(value).data), longestText);
  }
}

const at = (address: string | undefined): string => (address === undefined ? '' : ` at ${short(address, longestText)}`);

function textOf({ code, message, cause }: BusError): string {
  const because = cause instanceof Error && !message.includes(cause.message) ? `: ${cause.message}` : '';
  return `${short(code, longestName)} ${short(message, longestText)}${short(because, longestText)}`;
}

let isWarned = false;

/** Says once in a process that somebody has no listener for `error`. */
export function warnUnheard(error: BusError): void {
  if (isWarned) return;
  isWarned = true;
  process.emitWarning(
    `${textOf(error)}. No listener for "error" heard this. Add one to every Server and Client; this warning is not repeated.`,
    { type: 'BusbarWarning', code: 'BUSBAR_UNHANDLED_ERROR' },
  );
}
