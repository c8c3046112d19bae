/**
 * Tells sends that were accepted at once from those that wait, without a promise for each: while there is room, a session
 * answers all sends with one and the same promise. One that was seen to resolve and comes again is that one.
 */
export class Acceptance {
  #accepted: Promise<void> | undefined;

  /** The promise if there may be something to wait for. It then may be left alone: its rejection counts as handled. */
  pending(sent: Promise<void>): Promise<void> | undefined {
    if (sent === this.#accepted) return undefined;
    sent.then(
      () => {
        this.#accepted = sent;
      },
      () => undefined,
    );
    return sent;
  }
}
