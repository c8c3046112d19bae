import { setTimeout as sleep } from 'node:timers/promises';
import { BusError } from '../../base/errors.ts';
import type { Client } from '../../bus/node-client.ts';
import { Misuse } from '../failure.ts';
import { plainClient, type ReachValues, urlOf } from '../reach.ts';
import { readRecording, type Recorded, valueOf } from './recording.ts';

export interface ReplaySettings extends ReachValues {
  readonly to: string;
  /** 0: as fast as possible. */
  readonly speed: number;
}

/** What a replay came to. */
export interface Replayed {
  readonly messages: number;
  readonly requests: number;
  /** Requests that were answered with an error, or not at all. */
  readonly failed: number;
  readonly clients: number;
}

/** Most clients of a replay. */
const mostClients = 10_000;

/** Sends what was recorded, of which `chunks` are the bytes, to a server. Resolves when all requests are settled. */
export async function replay(chunks: AsyncIterable<Uint8Array>, settings: ReplaySettings): Promise<Replayed> {
  const { speed } = settings;
  if (!(speed >= 0) || !Number.isFinite(speed)) throw new Misuse('--speed is 0 or more');
  const clients = new ReplayClients(settings);
  const began = performance.now();
  try {
    for await (const entry of readRecording(chunks)) {
      const wait = speed === 0 ? 0 : entry.at / speed - (performance.now() - began);
      if (wait > 1) await sleep(wait);
      await clients.say(entry);
    }
  } finally {
    await clients.end();
  }
  return clients.outcome;
}

/** One client for each that was recorded. */
class ReplayClients {
  readonly #url: string;
  readonly #settings: ReplaySettings;
  readonly #clients = new Map<number, Client>();
  readonly #answers = new Set<Promise<void>>();
  /** Who spoke last, until the server has heard it. */
  #last: Client | undefined;
  #messages = 0;
  #requests = 0;
  #failed = 0;

  constructor(settings: ReplaySettings) {
    this.#url = urlOf(settings.to);
    this.#settings = settings;
  }

  get outcome(): Replayed {
    return { messages: this.#messages, requests: this.#requests, failed: this.#failed, clients: this.#clients.size };
  }

  async say(entry: Recorded): Promise<void> {
    const client = await this.#clientOf(entry.peer);
    // Those of one client stay in order by themselves.
    if (this.#last !== client) await this.#last?.flush();
    this.#last = client;
    const value = valueOf(entry);
    if (entry.kind === 'message') {
      this.#messages += 1;
      await client.send(value);
      return;
    }
    this.#requests += 1;
    const failed = (): void => void (this.#failed += 1);
    const answer: Promise<void> = client
      .request(value, { timeout: this.#settings.timeout })
      .then(() => {}, failed)
      .finally(() => this.#answers.delete(answer));
    this.#answers.add(answer);
  }

  async end(): Promise<void> {
    await Promise.all(this.#answers);
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  async #clientOf(peer: number): Promise<Client> {
    const known = this.#clients.get(peer);
    if (known !== undefined) return known;
    if (this.#clients.size >= mostClients) {
      throw new BusError('ERR_INVALID_ARGUMENT', `A recording of more than ${mostClients} clients cannot be replayed`);
    }
    await this.#last?.flush();
    const client = plainClient({ url: this.#url });
    this.#clients.set(peer, client);
    const { payload, timeout } = this.#settings;
    return client.connect(payload, { timeout });
  }
}
