import { BusError } from '../../../../base/errors.ts';
import { codeOf } from '../../../../base/thrown.ts';
import { unbegun } from '../../protocol.ts';
import type { Call } from '../call.ts';
import { handOver } from '../hand-over.ts';
import type { Participant } from '../participant.ts';
import { NodeReach } from './node-reach.ts';

/** Limit of keys whose node is remembered; the oldest is forgotten. */
const mostFound = 10_000;
/** After the first number of hops only a claim decides where a call goes; after the second the call fails. */
const trustedHops = 3;
const mostHops = 8;

interface Route {
  readonly node: Participant;
  open: number;
}

/** Where the calls go to keys of one service that other nodes have. */
export class KeyRoutes {
  readonly #again: (call: Call) => void;
  /** Those that have calls: what follows goes the same way, so that it stays behind them. */
  readonly #routes = new Map<string, Route>();
  readonly #found = new Map<string, Participant>();

  constructor(again: (call: Call) => void) {
    this.#again = again;
  }

  /**
   * The node that a call to a key of no own goes to; undefined: it is to be opened here, or claimed. `again`: it came back.
   * @throws BusError `ERR_NO_SERVICE`.
   */
  of({ key = '', hops }: Call, again: boolean, home: () => Participant | undefined): Participant | undefined {
    if (hops >= mostHops) throw new BusError('ERR_NO_SERVICE', 'The nodes do not agree on who has the key');
    if (hops < trustedHops) {
      const route = this.#routes.get(key);
      return route !== undefined && !route.node.isGone ? route.node : (this.#found.get(key) ?? home());
    }
    // It goes round: who has the key is to be asked anew.
    if (!again) this.#found.delete(key);
    return this.#found.get(key);
  }

  found(key: string, node: Participant): void {
    this.#found.delete(key);
    if (node.isGone) return;
    this.#found.set(key, node);
    if (this.#found.size <= mostFound) return;
    for (const [oldest] of this.#found) {
      this.#found.delete(oldest);
      return;
    }
  }

  /** The node that has it, as far as is known. */
  holder(key: string): Participant | undefined {
    return this.#found.get(key);
  }

  /** It is here, or where it belongs. */
  forget(key: string): void {
    this.#found.delete(key);
  }

  gone(node: Participant): void {
    for (const [key, holder] of this.#found) if (holder === node) this.#found.delete(key);
  }

  forward(call: Call, node: Participant): void {
    const key = call.key ?? '';
    const known = this.#routes.get(key);
    const route = known?.node === node ? known : { node, open: 0 };
    this.#routes.set(key, route);
    route.open += 1;
    const done = (): void => {
      route.open -= 1;
      if (route.open === 0 && this.#routes.get(key) === route) this.#routes.delete(key);
    };
    if (!call.isAsked && node.reach instanceof NodeReach) {
      node.reach.note(call).then(done, done);
      call.resolve(undefined);
      return;
    }
    handOver(call, node, 0, (isCurrent, failure) => {
      done();
      if (isCurrent && failure !== undefined) this.#failed(call, failure.error);
    });
  }

  #failed(call: Call, error: unknown): void {
    const code = codeOf(error);
    if (code !== unbegun && code !== 'ERR_NODE_LOST') call.reject(error);
    else if (code === unbegun ? call.mayGoOn() : call.idempotent) this.#again(call);
    else call.reject(new BusError('ERR_SESSION_LOST', 'The node that had this call is gone', { cause: error }));
  }
}
