import type { LaneRequestContext, PeerHandle } from '../../../bus/plugin.ts';
import type { SpanningLane } from '../../cluster/internal.ts';
import type { AskMessage, ControlMessage } from '../protocol.ts';

/** Uploads of clients of this node to endpoints that other nodes have: their node tells the client where to send the bytes. */
export class UploadsElsewhere {
  readonly #lane: SpanningLane;
  /** By client and number of the upload, the node that it goes to. */
  readonly #nodes = new Map<PeerHandle, Map<number, string>>();

  constructor(lane: SpanningLane) {
    this.#lane = lane;
  }

  /** Asks the node that has the endpoint; `unknown` answers where none has it. */
  async ask(asked: AskMessage, context: LaneRequestContext, unknown: () => Promise<unknown>): Promise<unknown> {
    const { peer, deadline, signal } = context;
    const node = await this.#lane.find(asked.content.id);
    if (node === undefined) return unknown();
    const nodes = this.#nodes.get(peer) ?? new Map<number, string>();
    this.#nodes.set(peer, nodes.set(asked.transfer, node));
    try {
      return await this.#lane.ask(peer, node, asked, { timeout: deadline ?? 0, signal });
    } finally {
      nodes.delete(asked.transfer);
      if (nodes.size === 0) this.#nodes.delete(peer);
    }
  }

  /** Passes on what a client says about such an upload. */
  pass(message: Extract<ControlMessage, { op: 'digest' | 'stop' }>, peer: PeerHandle): Promise<void> | undefined {
    const node = this.#nodes.get(peer)?.get(message.transfer);
    return node === undefined ? undefined : this.#lane.pass(peer, node, message);
  }
}
