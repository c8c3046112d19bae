import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import type { ProcessTable } from '../../base/process-table.ts';
import type { Random } from '../../base/random.ts';
import { withinTime } from '../../base/wait.ts';
import { Broadcasts } from './broadcasts/broadcasts.ts';
import { Lookout } from './lookout.ts';
import { Membership } from './membership/membership.ts';
import { infoOf, lostError, type NodeChange, type NodeInfo, type OtherNode, type WorldStatus } from './node-info.ts';
import type { ClusterSettings } from './options.ts';
import { NodeBus, type NodeBusEvents } from './sessions/node-bus.ts';
import { NodeLinks } from './sessions/node-links.ts';
import { ControlCodec } from './wire/control.ts';
import { PacketKind } from './wire/packet.ts';
import { Seal } from './wire/seal.ts';
import { Subjects } from './wire/subjects.ts';
import { nowhere, type OpenWire, type Wire } from './wire/wire.ts';

export interface ClusterNodeEvents extends NodeBusEvents {
  status(status: WorldStatus): void;
  /** Another node changed its state. */
  changed(node: NodeChange): void;
  /** A node is gone, and what was on its way to it. */
  lost(node: string, error: BusError): void;
  /** A broadcast of another node; what is returned has the next ones wait. */
  broadcast(bytes: Uint8Array, from: string): Promise<unknown> | undefined;
}

export interface ClusterNodeOptions {
  readonly settings: ClusterSettings;
  readonly incarnation: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly closeTimeoutMs: number;
  readonly openWire: OpenWire;
  readonly processes: ProcessTable;
  readonly events: ClusterNodeEvents;
  /** Clients of the own server. */
  connections(): number;
}

/** One node: who else is here, the sessions with them, and what goes to all. */
export class ClusterNode {
  readonly bus: NodeBus;
  readonly lookout: Lookout;
  readonly ready: Promise<void>;
  readonly #options: ClusterNodeOptions;
  readonly #membership: Membership;
  readonly #broadcasts: Broadcasts;
  readonly #links: NodeLinks;
  readonly #subjects: Subjects;
  #wire: Wire = nowhere;
  /** A second connection, which only listens: others see by it that a node that lost its first one is there. */
  #standby: Wire = nowhere;
  #status: WorldStatus = 'joining';
  #settle: { resolve(): void; reject(error: BusError): void };
  #joinTimer: Timer | undefined;
  #lastFailure: unknown;

  constructor(options: ClusterNodeOptions) {
    this.#options = options;
    const { settings, incarnation, clock, random, events } = options;
    const { name, node, secret, maxNodes, maxMessageBytes, maxUnackedBytes } = settings;
    const settle = deferred();
    this.ready = settle.promise;
    // Whoever waits for it learns of it.
    this.ready.catch(() => {});
    this.#settle = settle;
    const key = secret === undefined ? undefined : createHash('sha256').update(secret).digest();
    const seal = new Seal(key).derive('busbar cluster', name);
    const subjects = new Subjects(name);
    this.#subjects = subjects;
    const wire = (): Wire => this.#wire;
    const shared = { node, incarnation, clock, random, subjects, seal, wire };
    this.#membership = new Membership({
      ...shared,
      ...settings,
      node,
      codec: new ControlCodec(seal),
      processes: options.processes,
      connections: () => options.connections(),
      lastBroadcast: () => this.#broadcasts.publisher.last,
      owedFrom: (other, its) => this.#broadcasts.publisher.owedFrom(other, its),
      events: {
        joined: () => this.#joined(),
        refused: (error) => this.#refused(error),
        changed: (other, reason) => this.#changed(other, reason),
        met: (other, owedFrom) => this.#broadcasts.met(other, owedFrom),
        said: (other, control) => this.#broadcasts.said(other, control),
      },
    });
    this.#broadcasts = new Broadcasts({
      ...shared,
      maxBytes: maxUnackedBytes,
      maxNodes,
      maxMessageBytes,
      tell: (other, control) => this.#membership.tell(other, control),
      live: (other, its) => this.#membership.nodes.live(other, its),
      deliver: (other, bytes) => events.broadcast(bytes, other.id),
      report: (error) => events.report(error),
    });
    this.#links = new NodeLinks({
      ...shared,
      awaited: () => this.lookout.begin(),
      neighbours: {
        incarnationOf: (other) => this.#membership.nodes.live(other)?.incarnation,
        nobody: (other, its) => this.#membership.missing.nobody(other, its),
        stranger: (other, its) => this.#membership.stranger(other, its),
      },
    });
    this.lookout = new Lookout({
      clock,
      awaited: () => this.#links.awaited(),
      look: (other) => {
        const its = this.#membership.nodes.live(other)?.incarnation;
        if (its !== undefined) this.#membership.missing.look(other, its);
      },
    });
    this.bus = new NodeBus({
      node,
      network: this.#links,
      clock,
      random,
      trusted: secret !== undefined,
      maxMessageBytes,
      maxUnackedBytes,
      closeTimeoutMs: options.closeTimeoutMs / 2,
      events,
    });
  }

  get status(): WorldStatus {
    return this.#status;
  }

  get links(): number {
    return this.#links.size;
  }

  /** All nodes that are known, this one first. */
  get nodes(): NodeInfo[] {
    const { settings, incarnation, connections } = this.#options;
    const own = { id: settings.node, state: 'up', incarnation, connections: connections() } as const;
    return [own, ...Array.from(this.#membership.nodes.all, infoOf)];
  }

  /** The names of the nodes that are up or suspect, without this one. */
  get others(): string[] {
    return [...this.#membership.nodes.all]
      .filter(({ id }) => this.#membership.nodes.live(id) !== undefined)
      .map(({ id }) => id);
  }

  /** Whether a name is a node's, this one's among them. */
  isNode(name: string): boolean {
    return name === this.#options.settings.node || this.#membership.nodes.get(name) !== undefined;
  }

  get publisher(): Broadcasts['publisher'] {
    return this.#broadcasts.publisher;
  }

  async start(): Promise<void> {
    const { clock, settings, openWire } = this.#options;
    if (this.#status !== 'joining') return;
    await this.bus.start();
    this.#joinTimer = clock.setTimer(() => this.#unreachable(), settings.joinTimeoutMs, true);
    this.#wire = openWire({
      up: () => this.#up(),
      down: () => this.#down(),
      refused: (error) => this.#refused(error),
      failed: (error) => void (this.#lastFailure = error),
    });
    this.#standby = openWire({ up() {}, down() {}, refused() {}, failed() {} });
    this.#standby.subscribe(this.#subjects.standby(settings.node, this.#options.incarnation), () => {});
    const own = this.#subjects.to(settings.node, this.#options.incarnation);
    const hears = this.#membership.hears(own);
    this.#wire.subscribe(this.#subjects.nodes, this.#membership.hears(this.#subjects.nodes));
    this.#wire.subscribe(this.#subjects.all, (packet) => this.#broadcasts.received(packet, this.#subjects.all));
    this.#wire.subscribe(own, (packet) => {
      const [kind] = packet;
      if (kind === PacketKind.probe) return;
      if (kind === PacketKind.control) hears(packet);
      else if (kind === PacketKind.entries) this.#broadcasts.received(packet, own);
      else this.#links.received(packet);
    });
  }

  /** @throws BusError `ERR_NO_MEMBER`, `ERR_NODE_LOST` or `ERR_CLOSED` where a node cannot be spoken to. */
  check(node: string): void {
    this.checkOpen();
    if (node === this.#options.settings.node) return;
    const other = this.#membership.nodes.get(node);
    if (other === undefined) throw new BusError('ERR_NO_MEMBER', `There is no node "${node}"`);
    if (this.#membership.nodes.live(node) === undefined) throw lostError(other, 'it is not here');
  }

  /** @throws BusError `ERR_CLOSED`. */
  checkOpen(): void {
    if (this.#status === 'closed') throw new BusError('ERR_CLOSED', 'The node was closed');
    if (this.#status === 'refused') throw new BusError('ERR_CLOSED', 'The node was refused');
  }

  /** Finishes what is owed, leaves, and settles within the time that it has. */
  async close(): Promise<void> {
    if (this.#status === 'closed') return;
    const { clock, closeTimeoutMs } = this.#options;
    if (this.#status === 'joined') await withinTime(clock, closeTimeoutMs / 4, this.publisher.whenTaken());
    this.#end('closed', new BusError('ERR_CLOSED', 'The node was closed'));
    await withinTime(clock, closeTimeoutMs / 2, this.bus.close());
    this.#membership.leave();
    this.lookout.stop();
    this.#broadcasts.close();
    const flushed = new Promise<void>((resolve) => this.#wire.flush(resolve));
    await withinTime(clock, closeTimeoutMs / 4, flushed);
    await withinTime(clock, closeTimeoutMs / 4, Promise.all([this.#wire.close(), this.#standby.close()]));
  }

  #up(): void {
    if (this.#isOver) return;
    this.#membership.up();
    this.#links.up();
    if (this.#status === 'isolated') this.#become('joined');
  }

  #down(): void {
    this.#membership.down();
    this.#links.down();
    if (this.#status === 'joined') this.#become('isolated');
  }

  #joined(): void {
    if (this.#isOver) return;
    this.#joinTimer?.cancel();
    this.#become(this.#wire.isUp ? 'joined' : 'isolated');
    this.#settle.resolve();
  }

  #refused(error: BusError): void {
    if (this.#isOver) return;
    this.#end('refused', error);
    this.#options.events.report(error);
    this.#membership.stop();
    this.lookout.stop();
    this.#links.down();
    for (const other of this.others) this.#lost(other, error);
    this.#broadcasts.close();
    void this.bus.close();
    void this.#wire.close();
    void this.#standby.close();
  }

  #unreachable(): void {
    if (this.#wire.isUp) return;
    const text = `No NATS server answered within ${this.#options.settings.joinTimeoutMs} ms`;
    this.#settle.reject(new BusError('ERR_CLUSTER_UNREACHABLE', text, { cause: this.#lastFailure }));
  }

  #end(status: 'refused' | 'closed', error: BusError): void {
    this.#joinTimer?.cancel();
    this.#become(status);
    this.#settle.reject(error);
  }

  get #isOver(): boolean {
    return this.#status === 'refused' || this.#status === 'closed';
  }

  #become(status: WorldStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    this.#options.events.status(status);
  }

  #changed(other: OtherNode, reason: string): void {
    this.#broadcasts.changed(other);
    if (other.state === 'dead' || other.state === 'left') this.#lost(other.id, lostError(other, reason));
    this.#options.events.changed({ ...infoOf(other), reason });
  }

  #lost(node: string, error: BusError): void {
    this.#links.drop(node);
    this.bus.lost(node, error);
    this.#options.events.lost(node, error);
  }
}

function deferred(): { readonly promise: Promise<void>; resolve(): void; reject(error: BusError): void } {
  let resolve = (): void => {};
  let reject = (_error: BusError): void => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
