/** One room. Its state moves with it when its process is closed; if that is killed, the room begins again. */
export class Room {
  /** @type {Map<string, number>} */
  #scores;

  /** @param {[string, number][]} scores */
  constructor(scores = []) {
    this.#scores = new Map(scores);
  }

  get state() {
    return [...this.#scores];
  }

  /**
   * @param {string} name
   * @param {number} points
   */
  score(name, points) {
    const total = (this.#scores.get(name) ?? 0) + points;
    this.#scores.set(name, total);
    return { total, players: this.#scores.size, process: process.pid };
  }
}
