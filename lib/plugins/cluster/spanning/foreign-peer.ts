import type { PeerHandle } from '../../../bus/plugin.ts';
import type { World } from '../world/world.ts';

/** Where a client has its link, as its own node knows it. */
export interface Whereabouts {
  readonly address: string | undefined;
  readonly kind: PeerHandle['linkKind'];
}

/** A client of another node as a plugin here has it. */
export class ForeignPeer implements PeerHandle {
  /** Its id in the world. */
  readonly id: string;
  readonly node: string;
  /** Its id at its own node. */
  readonly connection: string;
  readonly delivery = 'session';
  remoteAddress: string | undefined;
  linkKind: PeerHandle['linkKind'];
  /** Its session is over, or its node is gone. */
  isGone = false;
  /** Set until its node has said who it is. */
  meeting: Promise<void> | undefined;
  /** Settles when what was sent to it before has arrived at its session. */
  arrived: Promise<unknown> = Promise.resolve();
  readonly #world: World;

  constructor(world: World, node: string, connection: string) {
    this.#world = world;
    this.node = node;
    this.connection = connection;
    this.id = `${node}/${connection}`;
  }

  found({ address, kind }: Whereabouts): void {
    this.remoteAddress = address;
    this.linkKind = kind;
    this.meeting = undefined;
  }

  send(data: unknown): Promise<void> {
    return this.#world.peer(this.id).send(data);
  }

  request(data: unknown, options?: Parameters<PeerHandle['request']>[1]): Promise<unknown> {
    return this.#world.peer(this.id).request(data, options);
  }

  /** Only its own node can close it. */
  close(): Promise<boolean> {
    return Promise.resolve(false);
  }
}
