import process from 'node:process';
import { VirtualClock } from '../../lib/testing/index.ts';

/** Of a simulation nothing is outside the process: promise reactions are all that may come between two steps. */
export class SimClock extends VirtualClock {
  protected override turn(): Promise<void> {
    return new Promise((resolve) => process.nextTick(resolve));
  }
}
