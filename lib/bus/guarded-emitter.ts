import { BusEmitter } from './emitter.ts';

/** The emitter for objects that plugins hand out: what a listener fails with goes to `report`, and the others are still called. */
export class GuardedEmitter<Events extends object> extends BusEmitter<Events> {
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    super();
    this.#report = report;
  }

  protected override listenerFailed(_event: string | symbol, error: unknown): void {
    this.#report(error);
  }
}
