import { Broadcasts } from '../../lib/plugins/cluster/broadcasts/broadcasts.ts';
import { ControlCodec } from '../../lib/plugins/cluster/wire/control.ts';
import { Membership } from '../../lib/plugins/cluster/membership/membership.ts';
import { PacketKind } from '../../lib/plugins/cluster/wire/packet.ts';
import { Seal } from '../../lib/plugins/cluster/wire/seal.ts';
import { Subjects } from '../../lib/plugins/cluster/wire/subjects.ts';
import type { SimNats, SimWire } from './sim-nats.ts';

const subjects = new Subjects('sim');
const seal = new Seal(undefined);
export const heartbeatMs = 400;
export const deadAfterMs = 1_200;

/** What a node saw of another incarnation's broadcasts: numbers from 1, each one more than the one before. */
export interface Seen {
  readonly from: string;
  first: number | undefined;
  last: number;
}

/** A node without its sessions: who is here, and what goes to all. */
export class SimNode {
  readonly name: string;
  readonly incarnation: number;
  readonly membership: Membership;
  readonly broadcasts: Broadcasts;
  readonly seen = new Map<string, Seen>();
  readonly violations: string[] = [];
  wire!: SimWire;
  standby!: SimWire;
  state: 'joining' | 'joined' | 'refused' | 'over' = 'joining';
  isOver = false;
  published = 0;

  constructor(
    nats: SimNats,
    name: string,
    incarnation: number,
    died: (label: string, reason: string) => void = () => {},
  ) {
    this.name = name;
    this.incarnation = incarnation;
    const { clock, random } = nats;
    // What a process that was killed had planned never happens.
    const own = {
      now: clock.now,
      setTimer: (task: () => void, ms: number) => clock.setTimer(() => void (this.isOver || task()), ms),
      defer: (task: () => void) => clock.defer(() => void (this.isOver || task())),
    };
    const shared = { node: name, incarnation, clock: own, random, subjects, seal, wire: () => this.wire };
    this.membership = new Membership({
      ...shared,
      heartbeatMs,
      deadAfterMs,
      maxNodes: 100,
      codec: new ControlCodec(seal),
      // Nodes of different machines.
      processes: { own: () => undefined, isGone: () => false },
      connections: () => 0,
      lastBroadcast: () => this.broadcasts.publisher.last,
      owedFrom: (node, its) => this.broadcasts.publisher.owedFrom(node, its),
      events: {
        joined: () => (this.state = 'joined'),
        refused: () => (this.state = 'refused'),
        changed: (node, reason) => {
          if (node.state === 'dead') died(`${node.id} ${node.incarnation}`, reason);
          if (node.state === 'dead' || node.state === 'left') this.givenUp.add(`${node.id} ${node.incarnation}`);
          this.broadcasts.changed(node);
        },
        met: (node, owedFrom) => {
          this.seen.delete(`${node.id} ${node.incarnation}`);
          this.broadcasts.met(node, owedFrom);
        },
        said: (node, control) => this.broadcasts.said(node, control),
      },
    });
    this.broadcasts = new Broadcasts({
      ...shared,
      maxBytes: 4_000,
      maxNodes: 100,
      maxMessageBytes: 1_000,
      tell: (node, control) => this.membership.tell(node, control),
      live: (node, its) => this.membership.nodes.live(node, its),
      deliver: (node, bytes) => this.#deliver(`${node.id} ${node.incarnation}`, bytes),
      report: (error) => this.#missed(error),
    });
    nats.opener((wire) => (this.wire = wire))({
      up: () => this.membership.up(),
      down: () => this.membership.down(),
      refused() {},
      failed() {},
    });
    nats.opener((wire) => (this.standby = wire))({ up() {}, down() {}, refused() {}, failed() {} });
    this.standby.subscribe(subjects.standby(name, incarnation), () => {});
    const to = subjects.to(name, incarnation);
    const control = this.membership.hears(to);
    this.wire.subscribe(subjects.nodes, this.membership.hears(subjects.nodes));
    this.wire.subscribe(subjects.all, (packet) => this.broadcasts.received(packet, subjects.all));
    this.wire.subscribe(to, (packet) => {
      if (packet[0] === PacketKind.control) control(packet);
      else if (packet[0] === PacketKind.entries) this.broadcasts.received(packet, to);
    });
  }

  get label(): string {
    return `${this.name} ${this.incarnation}`;
  }

  /** Publishes a number, unless there is no room. */
  publish(): void {
    if (this.broadcasts.publisher.isFull || this.state !== 'joined') return;
    this.published += 1;
    const bytes = new Uint8Array(20);
    new DataView(bytes.buffer).setUint32(0, this.published);
    this.broadcasts.publisher.publish(bytes);
  }

  /** Looks whether someone listens for the others, as a node does that has something on its way to them. */
  look(): void {
    const { missing, nodes } = this.membership;
    for (const { id, incarnation } of [...nodes.all]) if (nodes.live(id) !== undefined) missing.look(id, incarnation);
  }

  kill(): void {
    this.isOver = true;
    this.wire.die();
    this.standby.die();
  }

  /** Names of nodes of whose broadcasts some were told to be gone for good. */
  readonly missedOf = new Set<string>();
  /** Incarnations of nodes that were taken for gone here: nothing is kept for those. */
  readonly givenUp = new Set<string>();

  #missed({ message }: Error): void {
    const name = /the node "(.*)"/.exec(message)?.[1] ?? '';
    this.missedOf.add(name);
    for (const seen of this.seen.values()) if (seen.from.startsWith(`${name} `)) seen.first = undefined;
  }

  #deliver(from: string, bytes: Uint8Array): undefined {
    if (bytes.length < 4) return undefined;
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const seen = this.seen.get(from) ?? { from, first: undefined, last: 0 };
    this.seen.set(from, seen);
    if (number <= seen.last) this.violations.push(`${this.label} got ${number} of ${from} again after ${seen.last}`);
    if (seen.first !== undefined && number !== seen.last + 1) {
      this.violations.push(`${this.label} got ${number} of ${from} after ${seen.last}`);
    }
    seen.first ??= number;
    seen.last = number;
  }
}
