import { BusError } from '../../base/errors.ts';
import { checkName } from '../../base/name.ts';

/** How a plugin learns of its lane between nodes. */
export interface WorldLaneHandlers {
  /** What it throws or rejects with is reported to `error` of the server. */
  message(data: unknown, from: string): void;
}

/** A plugin's own stream of messages from each node to each other one, exactly once and in order while both live. */
export interface WorldLane {
  /** The nodes that are up or suspect, without this one. */
  readonly nodes: readonly string[];
  /** Resolves when this node accepted the message; rejects with `ERR_NODE_LOST`, `ERR_NO_MEMBER`, `ERR_CLOSED` or what the encoder throws. */
  send(node: string, data: unknown): Promise<void>;
}

export interface WorldLanesOptions {
  nodes(): readonly string[];
  send(node: string, data: unknown): Promise<void>;
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
    const { nodes, send } = this.#options;
    return {
      get nodes() {
        return nodes();
      },
      send: (node, data) => send(node, ['lane', name, data]),
    };
  }

  /** What nobody here listens to is dropped. */
  heard(name: string, data: unknown, from: string): void {
    this.#handlers.get(name)?.message(data, from);
  }
}
