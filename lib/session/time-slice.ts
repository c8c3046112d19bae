/** How long what comes over one link may have the event loop in one turn. */
const mostMs = 8;
/** What comes sooner than this after what came before is taken to come in the same turn. */
const pauseMs = 1;

/** The time that one link may take in a turn of the event loop, so that one that floods leaves the others theirs. */
export class TimeSlice {
  #since = 0;
  #last = 0;

  /** Something came at `now`, `inTurn` of what came before for sure; false where it has to wait for another turn. */
  begin(now: number, inTurn: boolean): boolean {
    if (!inTurn && now > this.#last + pauseMs) this.#since = now;
    return this.goesOn(now);
  }

  /** It was handled up to `now`; true where there is time for more. */
  goesOn(now: number): boolean {
    this.#last = now;
    return now <= this.#since + mostMs;
  }

  /** What comes next comes in another turn. */
  end(): void {
    this.#last = 0;
  }
}
