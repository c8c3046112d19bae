import { BusError } from '../../../lib/index.ts';
import type { ServiceContext } from '../../../lib/plugins/services/index.ts';
import { Gate } from './hive.ts';

export interface Finder {
  find(ticket: number): string;
  wait(ticket: number): Promise<string>;
  fail(code: string | undefined): void;
  each(visit: (n: number) => void): Promise<AsyncIterable<number>>;
}

/** A member's own service: it answers with its name, and waits until it is told. */
export class Desk {
  readonly begun: number[] = [];
  readonly gates = new Map<number, Gate>();
  readonly contexts: ServiceContext[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  get object(): Finder {
    const contextOf = (args: readonly unknown[]): void => void this.contexts.push(args.at(-1) as ServiceContext);
    return {
      find: (...args) => {
        this.begun.push(args[0]);
        contextOf(args);
        return `${this.#name} ${args[0]}`;
      },
      wait: async (...args) => {
        this.begun.push(args[0]);
        contextOf(args);
        const gate = new Gate();
        this.gates.set(args[0], gate);
        await gate.passed;
        return `${this.#name} ${args[0]}`;
      },
      fail: (code) => {
        throw code === undefined ? new Error('by mistake') : new BusError(code, 'on purpose', { details: { at: 1 } });
      },
      each: async (visit) => {
        visit(1);
        return (async function* () {
          yield 2;
          yield 3;
        })();
      },
    };
  }
}
