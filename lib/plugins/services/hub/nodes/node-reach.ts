import type { Clock } from '../../../../base/clock.ts';
import { BusError } from '../../../../base/errors.ts';
import type { Withdrawal } from '../../../../bus/plugin.ts';
import type { WorldLane } from '../../../cluster/index.ts';
import type { Call } from '../call.ts';
import type { Reach } from '../reach.ts';
import { type Asking, isAnswer } from './node-protocol.ts';

/** What a node said of its load counts for so long. */
const loadMs = 1_000;

/** The hub of another node, as far as calls and keys go to its members. */
export class NodeReach implements Reach {
  readonly #node: string;
  readonly #lane: WorldLane;
  readonly #clock: Clock;
  readonly #loads = new Map<string, { readonly calls: number; readonly at: number }>();

  constructor(node: string, lane: WorldLane, clock: Clock) {
    this.#node = node;
    this.#lane = lane;
    this.#clock = clock;
  }

  async call(call: Call, _epoch: number, withdrawal: Withdrawal): Promise<unknown> {
    const { deadline } = call.request;
    const timeout = deadline === undefined ? 0 : Math.max(1, deadline);
    const answer = await this.#lane.request(this.#node, ['call', ...head(call)], { timeout, withdrawal });
    if (!isAnswer(answer)) throw new BusError('ERR_PROTOCOL', 'This is not an answer of a hub');
    this.#loads.set(call.service, { calls: answer[0], at: this.#clock.now() });
    return answer[1];
  }

  notify(call: Call): void {
    this.note(call).catch(ignore);
  }

  /** Resolves when it is on its way at the other node. */
  async note(call: Call): Promise<void> {
    await this.#lane.request(this.#node, ['note', ...head(call)], { timeout: 0 });
  }

  /** The other hub decides which of its members has it. */
  async open(service: string, key: string, epoch: number, state: unknown, withinMs: number): Promise<void> {
    await this.ask(['give', service, key, epoch, state], withinMs);
  }

  async close(): Promise<unknown> {
    throw new BusError('ERR_STATE', 'A key of another node is closed there');
  }

  lost(): void {}

  replaced(): void {}

  callerGone(): void {}

  ask(asking: Asking, timeout: number): Promise<unknown> {
    return this.#lane.request(this.#node, asking, { timeout });
  }

  /** The calls of a service that the node has, as it last said. */
  load(service: string): number {
    const load = this.#loads.get(service);
    return load === undefined || this.#clock.now() - load.at > loadMs ? 0 : load.calls;
  }
}

function head({ service, key, idempotent, method, caller, hops, args }: Call): unknown[] {
  return [service, key ?? null, idempotent, method, caller.entry.id, hops + 1, args];
}

function ignore(): void {}
