import { BusError } from '../../../base/errors.ts';
import { checkName } from '../../../base/name.ts';
import type { LaneRequestContext, LaneSendOptions } from '../../../bus/plugin.ts';

/** How a plugin learns of its lane between nodes. */
export interface WorldLaneHandlers {
  /** What it throws or rejects with is reported to `error` of the server. */
  message(data: unknown, from: string): void;
  /** What it throws or rejects with is what the asking node gets, with its code. `context.peer` is the session with that node. */
  request?(data: unknown, from: string, context: LaneRequestContext): unknown;
}

/** A plugin's own stream of messages and requests from each node to each other one, exactly once and in order while both live. */
export interface WorldLane {
  /** The nodes that are up or suspect, without this one. */
  readonly nodes: readonly string[];
  /** Resolves when this node accepted the message; rejects with `ERR_NODE_LOST`, `ERR_NO_MEMBER`, `ERR_CLOSED` or what the encoder throws. */
  send(node: string, data: unknown): Promise<void>;
  /**
   * Asks the plugin at the other node, in order with what is sent there; by default for 10 s. Rejects as `send`, with `ERR_TIMEOUT`, and with
   * `ERR_NO_HANDLER` where that node has no such lane.
   */
  request(node: string, data: unknown, options?: LaneSendOptions): Promise<unknown>;
}

export interface WorldLanesOptions {
  nodes(): readonly string[];
  send(node: string, data: unknown): Promise<void>;
  request(node: string, data: unknown, options: LaneSendOptions | undefined): Promise<unknown>;
}

/** The lanes that plugins of this server have between nodes. */
export class WorldLanes {
  readonly #options: WorldLanesOptions;
  readonly #handlers = new Map<string, WorldLaneHandlers>();

  constructor(options: WorldLanesOptions) {
    this.#options = options;
  }

  /** @throws BusError `ERR_PLUGIN` where there is one of that name, `ERR_INVALID_ARGUMENT` for what is not a name. */
  open(name: string, handlers: WorldLaneHandlers): WorldLane {
    checkName('a lane', name);
    if (this.#handlers.has(name)) throw new BusError('ERR_PLUGIN', `There is a lane "${name}" between nodes already`);
    this.#handlers.set(name, handlers);
    const { nodes, send, request } = this.#options;
    return {
      get nodes() {
        return nodes();
      },
      send: (node, data) => send(node, ['lane', name, data]),
      request: (node, data, options) => request(node, ['lane', name, data], options),
    };
  }

  /** What nobody here listens to is dropped. */
  heard(name: string, data: unknown, from: string): void {
    this.#handlers.get(name)?.message(data, from);
  }

  /** @throws BusError `ERR_NO_HANDLER` where nobody here answers. */
  asked(name: string, data: unknown, from: string, context: LaneRequestContext): unknown {
    const handlers = this.#handlers.get(name);
    if (handlers?.request === undefined) throw new BusError('ERR_NO_HANDLER', `This node has no lane "${name}"`);
    return handlers.request(data, from, context);
  }
}
