import type { PeerRow, Snapshot } from '../../bus/inspect/inspection-snapshot.ts';
import type { Looker } from '../../bus/inspect/looker.ts';

/** Asks a server how it is, again and again; it answers with what has changed. */
export class SnapshotFeed {
  readonly #looker: Looker;
  readonly #peers = new Map<string, PeerRow>();
  #serial = 0;

  constructor(looker: Looker) {
    this.#looker = looker;
  }

  /** How it is now, with all its clients. Rejects as `ask`. */
  async next(timeout: number): Promise<Snapshot> {
    const answer = (await this.#looker.ask('stats', { has: this.#serial }, timeout)) as Snapshot;
    if (answer.after === 0) this.#peers.clear();
    for (const id of answer.gone) this.#peers.delete(id);
    for (const row of answer.peers) this.#peers.set(row.id, row);
    this.#serial = answer.serial;
    return { ...answer, peers: [...this.#peers.values()] };
  }
}
