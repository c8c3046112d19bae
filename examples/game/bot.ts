import { performance } from 'node:perf_hooks';
import { Client, type ClientOptions } from 'busbar';
import type { PlayersBus, Spawn, Trade } from './contract.ts';
import { Sequence } from './sequence.ts';

const moveEveryMs = 50;
const tradeEveryMs = 500;

/** One player: spawns, moves 20 times a second, trades twice a second, and watches the snapshots. */
export class Bot {
  readonly #bot: number;
  readonly #client: Client<PlayersBus>;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly spawns = { asked: 0, answered: 0 };
  readonly trades = { asked: 0, answered: 0 };
  readonly latencies: number[] = [];
  movesSent = 0;
  linksCut = 0;
  resumed = 0;
  snapshots: Sequence | undefined;
  firstSnapshot = 1;
  #x = 0;
  #y = 0;

  constructor(bot: number, options: ClientOptions) {
    this.#bot = bot;
    this.#client = new Client<PlayersBus>(options);
    this.#client.on('message', ({ sequence }) => {
      if (this.snapshots === undefined) {
        this.firstSnapshot = sequence;
        this.snapshots = new Sequence(sequence);
      }
      this.snapshots.add(sequence);
    });
    this.#client.on('session', ({ outcome }) => {
      if (outcome === 'resumed') this.resumed += 1;
    });
  }

  async play(process: number): Promise<void> {
    await this.#client.connect({ process });
    await this.#ask({ kind: 'spawn', bot: this.#bot });
    this.#repeat(() => this.#move(), moveEveryMs);
    this.#repeat(() => void this.#ask({ kind: 'trade', bot: this.#bot, amount: 1 }), tradeEveryMs);
  }

  /** Breaks the link under the session, as a bad network would. */
  cutLink(): void {
    const { connection } = this.#client;
    if (connection === undefined || connection.destroyed) return;
    this.linksCut += 1;
    connection.destroy();
  }

  /** Resolves when every request is answered and every move was taken. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#open);
    await this.#client.flush();
  }

  async leave(): Promise<void> {
    await this.#client.close();
  }

  #move(): void {
    this.movesSent += 1;
    this.#x = Math.round(this.#x + 4 * Math.random() - 2);
    this.#y = Math.round(this.#y + 4 * Math.random() - 2);
    const move = { kind: 'move', sequence: this.movesSent, bot: this.#bot, x: this.#x, y: this.#y } as const;
    this.#client.send(move).catch(() => {});
  }

  #ask(request: Spawn | Trade): Promise<void> {
    const answers = request.kind === 'spawn' ? this.spawns : this.trades;
    const askedAt = performance.now();
    answers.asked += 1;
    const answer = this.#client.request(request).then(
      () => {
        answers.answered += 1;
        this.latencies.push(Math.round((performance.now() - askedAt) * 1_000));
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
