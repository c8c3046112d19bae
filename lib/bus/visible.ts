import { BusEmitter } from '#emitter';
import type { Stats } from './stats.ts';

/** By which Node asks an object how it is to be printed. */
export const inspected: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** What Node's `inspect` hands to an object that it asks. */
export type Inspect = (value: unknown, options?: object) => string;

/** How an object of this name that knows `about` itself is printed. */
export function printed(name: string, about: object, depth: number, options: object, inspect: Inspect): string {
  return depth < 0 ? `[${name}]` : `${name} ${inspect(about, options)}`;
}

/** An emitter that shows what matters where it is printed or made JSON of, and not its insides. */
export abstract class VisibleEmitter<Events extends object> extends BusEmitter<Events> {
  /** What was counted so far, and what is waiting now: plain numbers, made when asked. */
  abstract stats(): Stats;

  /** What `JSON.stringify` and `console.log` show. */
  abstract toJSON(): object;

  /** @internal */
  [inspected](depth: number, options: object, inspect: Inspect): string {
    return printed(this.constructor.name, this.toJSON(), depth, options, inspect);
  }
}
