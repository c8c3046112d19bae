import { performance } from 'node:perf_hooks';
import { Client, type ClientOptions } from 'busbar';
import { journal } from 'busbar/journal';
import type { Answers, PlayersBus, Spawn, Trade } from './contract.ts';
import { Sequence, sum, type Tally } from './sequence.ts';

const moveEveryMs = 50;
const tradeEveryMs = 500;

/** What a bot leaves to the process that has it next. */
export interface BotState {
  readonly bot: number;
  readonly spawns: Answers;
  readonly trades: Answers;
  readonly latencies: readonly number[];
  readonly movesSent: number;
  readonly linksCut: number;
  readonly resumed: number;
  readonly snapshots: Tally;
  /** Snapshots that it was to see before its present stay. */
  readonly snapshotsDue: number;
  /** Of its present stay. */
  readonly firstSnapshot?: number | undefined;
  readonly lastSnapshot?: number | undefined;
  readonly x: number;
  readonly y: number;
}

export function newcomer(bot: number): BotState {
  const none = { asked: 0, answered: 0 };
  const snapshots = { received: 0, repeated: 0, early: 0 };
  const rest = { latencies: [], movesSent: 0, linksCut: 0, resumed: 0, snapshots, snapshotsDue: 0, x: 0, y: 0 };
  return { bot, spawns: none, trades: none, ...rest };
}

/** One player: spawns, moves 20 times a second, trades twice a second, and watches the snapshots. */
export class Bot {
  readonly #client: Client<PlayersBus>;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #left: BotState;
  readonly #spawns;
  readonly #trades;
  readonly #latencies: number[];
  #movesSent: number;
  #linksCut: number;
  #resumed: number;
  /** Of this stay. */
  #snapshots: Sequence | undefined;
  #firstSnapshot: number | undefined;
  #lastSnapshot: number | undefined;
  #x: number;
  #y: number;

  /** Its moves stand in the journal in `folder` until the world has them. */
  constructor(left: BotState, options: ClientOptions, folder: string) {
    this.#left = left;
    this.#spawns = { ...left.spawns };
    this.#trades = { ...left.trades };
    this.#latencies = [...left.latencies];
    this.#movesSent = left.movesSent;
    this.#linksCut = left.linksCut;
    this.#resumed = left.resumed;
    this.#x = left.x;
    this.#y = left.y;
    this.#client = new Client<PlayersBus>({ ...options, journal: journal(folder) });
    // Whoever waits for it learns of what fails.
    this.#client.on('error', () => {});
    this.#client.on('message', ({ sequence }) => {
      this.#firstSnapshot ??= sequence;
      this.#snapshots ??= new Sequence(sequence);
      this.#lastSnapshot = Math.max(sequence, this.#lastSnapshot ?? 0);
      this.#snapshots.add(sequence);
    });
    this.#client.on('session', ({ outcome }) => {
      if (outcome === 'resumed') this.#resumed += 1;
    });
  }

  async play(process: number): Promise<void> {
    await this.#client.connect({ process });
    if (this.#spawns.asked === 0) await this.#ask({ kind: 'spawn', bot: this.#left.bot });
    this.#repeat(() => this.#move(), moveEveryMs);
    this.#repeat(() => void this.#ask({ kind: 'trade', bot: this.#left.bot, amount: 1 }), tradeEveryMs);
  }

  /** Breaks the link under the session, as a bad network would. */
  cutLink(): void {
    const { connection } = this.#client;
    if (connection === undefined || connection.destroyed) return;
    this.#linksCut += 1;
    connection.destroy();
  }

  /** Resolves when every request is answered and every move was taken. */
  async stop(): Promise<void> {
    await this.#rest();
    while ((await this.#client.backlog()).messages > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await this.#client.flush();
  }

  async leave(): Promise<BotState> {
    await this.#rest();
    await this.#client.close();
    const { bot, snapshotsDue, snapshots } = this.#left;
    return {
      bot,
      spawns: this.#spawns,
      trades: this.#trades,
      latencies: this.#latencies,
      movesSent: this.#movesSent,
      linksCut: this.#linksCut,
      resumed: this.#resumed,
      snapshots: sum([snapshots, this.#snapshots?.tally ?? { received: 0, repeated: 0, early: 0 }]),
      snapshotsDue,
      firstSnapshot: this.#firstSnapshot,
      lastSnapshot: this.#lastSnapshot,
      x: this.#x,
      y: this.#y,
    };
  }

  /** It does nothing any more, and has its answers. */
  async #rest(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#open);
  }

  #move(): void {
    this.#movesSent += 1;
    this.#x = Math.round(this.#x + 4 * Math.random() - 2);
    this.#y = Math.round(this.#y + 4 * Math.random() - 2);
    const move = { kind: 'move', sequence: this.#movesSent, bot: this.#left.bot, x: this.#x, y: this.#y } as const;
    this.#client.send(move, { durable: true }).catch(() => {});
  }

  #ask(request: Spawn | Trade): Promise<void> {
    const answers = request.kind === 'spawn' ? this.#spawns : this.#trades;
    const askedAt = performance.now();
    answers.asked += 1;
    const answer = this.#client.request(request).then(
      () => {
        answers.answered += 1;
        this.#latencies.push(Math.round((performance.now() - askedAt) * 1_000));
      },
      () => {},
    );
    this.#open.add(answer);
    void answer.finally(() => this.#open.delete(answer));
    return answer;
  }

  /** Bots do not all act in the same instant. */
  #repeat(task: () => void, everyMs: number): void {
    const begin = setTimeout(() => this.#timers.push(setInterval(task, everyMs)), everyMs * Math.random());
    this.#timers.push(begin);
  }
}
