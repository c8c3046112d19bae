import { asBuffer, copyOf } from '../../../base/bytes.ts';
import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { Random } from '../../../base/random.ts';
import { onAbort } from '../../../base/wait.ts';
import type { Link, Listener, ListenEvents, Network, NetworkAddress } from '../../../transport/link.ts';
import { countOf, keyOf, linkIdBytes, linkIdOf, linkPacket, linkPayloadAt, PacketKind } from '../wire/packet.ts';
import type { Seal } from '../wire/seal.ts';
import { isNodeName, type Subjects } from '../wire/subjects.ts';
import type { Wire } from '../wire/wire.ts';
import { NodeLink, type NodeLinkOptions } from './node-link.ts';

const nonceBytes = 8;
/** Who asks for a link and hears nothing asks again. */
const askAgainMs = 250;
/**
 * Links of one node that were asked for and not used yet; one more takes the place of the oldest. They stay when the node is lost, so
 * that one that uses its link after all is told that something is missing.
 */
const mostOffers = 8;
/** Links that are over and still known. */
const mostGone = 1_024;

/** A link that this end asks for. */
interface Asking {
  readonly node: string;
  accepted(nonce: Uint8Array): void;
}

/** A link that another node asks for. */
interface Offer {
  readonly node: string;
  readonly id: Uint8Array;
  readonly asked: Uint8Array;
  readonly nonce: Uint8Array;
}

/** The other nodes as links need them. */
export interface Neighbours {
  /** Under which incarnation a node is here; undefined where it is not here. */
  incarnationOf(node: string): number | undefined;
  /** No one listens for that incarnation. */
  nobody(node: string, incarnation: number): void;
  /** One that is not known here speaks. */
  stranger(node: string, incarnation: number): void;
}

export interface NodeLinksOptions {
  readonly node: string;
  readonly incarnation: number;
  readonly subjects: Subjects;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly random: Random;
  readonly neighbours: Neighbours;
  /** Something is on its way to a node. */
  awaited(node: string): void;
  wire(): Wire;
}

/** The network of the links between nodes: `memory:` addresses are their names. */
export class NodeLinks implements Network {
  readonly #options: NodeLinksOptions;
  readonly #own: string;
  readonly #asking = new Map<string, Asking>();
  readonly #offers = new Map<string, Offer>();
  readonly #links = new Map<string, NodeLink>();
  /** Those that are over, the oldest first. */
  readonly #gone = new Map<string, NodeLink>();
  /** What was said in each link's opening, for one who has to hear it again. */
  readonly #nonces = new Map<string, Uint8Array>();
  readonly #whenUp = new Set<() => void>();
  #listening: ListenEvents | undefined;

  constructor(options: NodeLinksOptions) {
    this.#options = options;
    this.#own = options.subjects.to(options.node, options.incarnation);
  }

  get size(): number {
    return this.#links.size;
  }

  listen({ name }: NetworkAddress, _clock: Clock, events: ListenEvents): Listener {
    this.#listening = events;
    return {
      address: `memory:${name}`,
      port: undefined,
      server: undefined,
      close: () => {
        this.#listening = undefined;
        return Promise.resolve();
      },
    };
  }

  dial({ name: node }: NetworkAddress, _clock: Clock, signal: AbortSignal): Promise<Link> {
    const { clock, random, neighbours, seal, subjects } = this.#options;
    return new Promise((resolve, reject) => {
      const id = random.bytes(linkIdBytes);
      const key = keyOf(id);
      const nonce = random.bytes(nonceBytes);
      let again: ReturnType<Clock['setTimer']> | undefined;
      const settle = (): void => {
        again?.cancel();
        stop();
        this.#asking.delete(key);
        this.#whenUp.delete(ask);
      };
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      const ask = (): void => {
        again?.cancel();
        const incarnation = neighbours.incarnationOf(node);
        if (incarnation === undefined) {
          fail(new BusError('ERR_CONNECT', `The node "${node}" is not here`));
          return;
        }
        const subject = subjects.to(node, incarnation);
        this.#options.wire().probe(subject, this.#opening(PacketKind.open, id, nonce, subject), () => {
          neighbours.nobody(node, incarnation);
          if (this.#asking.has(key)) fail(new BusError('ERR_CONNECT', `The node "${node}" does not listen`));
        });
        again = clock.setTimer(ask, askAgainMs, true);
        this.#asking.set(key, {
          node,
          accepted: (answer) => {
            settle();
            resolve(this.#open(node, incarnation, id, 'dialled', seal.derive(id, nonce, answer)));
          },
        });
      };
      const stop = onAbort(signal, () => fail(signal.reason));
      if (signal.aborted) fail(signal.reason);
      else if (this.#options.wire().isUp) ask();
      else this.#whenUp.add(ask);
    });
  }

  /** The nodes that something written is on its way to. */
  *awaited(): Generator<string, void, void> {
    for (const link of this.#links.values()) if (link.isAwaited) yield link.remote;
  }

  up(): void {
    for (const ask of [...this.#whenUp]) {
      this.#whenUp.delete(ask);
      ask();
    }
  }

  /** The wire broke. */
  down(): void {
    for (const link of [...this.#links.values()]) link.cut();
  }

  /** A node is gone. */
  drop(node: string): void {
    for (const link of [...this.#links.values()]) if (link.remote === node) link.cut();
  }

  /** A packet about a link came. */
  received(packet: Uint8Array): void {
    const key = linkIdOf(packet);
    if (key === undefined) return;
    if (packet[0] === PacketKind.open) this.#asked(key, packet);
    else if (packet[0] === PacketKind.accept) this.#accepted(key, packet);
    else (this.#links.get(key) ?? this.#begin(key, packet) ?? this.#gone.get(key))?.received(packet);
  }

  /** The opening words of either side: who speaks, and what makes the seal of this link another one than that of any other. */
  #opening(kind: number, id: Uint8Array, nonce: Uint8Array, subject: string): Uint8Array {
    const { node, incarnation, seal } = this.#options;
    const packet = linkPacket(kind, id, node.length, nonceBytes + 8 + node.length, seal);
    packet.set(nonce, linkPayloadAt);
    packet.writeDoubleBE(incarnation, linkPayloadAt + nonceBytes);
    packet.write(node, linkPayloadAt + nonceBytes + 8, 'latin1');
    seal.close(packet, subject);
    return packet;
  }

  #readOpening(packet: Uint8Array): { node: string; incarnation: number; nonce: Uint8Array } | undefined {
    const body = this.#options.seal.open(packet, this.#own);
    const nodeAt = linkPayloadAt + nonceBytes + 8;
    if (body === undefined || body.length !== nodeAt + countOf(body)) return undefined;
    const incarnation = asBuffer(body).readDoubleBE(linkPayloadAt + nonceBytes);
    const node = asBuffer(body).toString('latin1', nodeAt);
    if (!isNodeName(node) || !Number.isSafeInteger(incarnation) || incarnation < 0) return undefined;
    return { node, incarnation, nonce: copyOf(body.subarray(linkPayloadAt, linkPayloadAt + nonceBytes)) };
  }

  #asked(key: string, packet: Uint8Array): void {
    const opening = this.#readOpening(packet);
    if (opening === undefined || this.#listening === undefined) return;
    const { node, incarnation, nonce: asked } = opening;
    const { neighbours, random, subjects } = this.#options;
    if (neighbours.incarnationOf(node) !== incarnation) {
      neighbours.stranger(node, incarnation);
      return;
    }
    const id = copyOf(packet.subarray(1, 1 + linkIdBytes));
    const nonce = this.#nonces.get(key) ?? this.#offers.get(key)?.nonce ?? random.bytes(nonceBytes);
    if (!this.#links.has(key) && !this.#offers.has(key)) this.#offer(key, { node, id, asked, nonce });
    const subject = subjects.to(node, incarnation);
    this.#options.wire().publish(subject, this.#opening(PacketKind.accept, id, nonce, subject));
  }

  #offer(key: string, offer: Offer): void {
    const own = [...this.#offers].filter(([, { node }]) => node === offer.node);
    const [oldest] = own;
    if (own.length >= mostOffers && oldest !== undefined) this.#offers.delete(oldest[0]);
    this.#offers.set(key, offer);
  }

  #accepted(key: string, packet: Uint8Array): void {
    const asking = this.#asking.get(key);
    const opening = asking && this.#readOpening(packet);
    if (asking === undefined || opening?.node !== asking.node) return;
    asking.accepted(opening.nonce);
  }

  /** The first packet on a link that was asked for proves that its answer arrived. */
  #begin(key: string, packet: Uint8Array): NodeLink | undefined {
    const offer = this.#offers.get(key);
    const listening = this.#listening;
    const [kind] = packet;
    if (offer === undefined || listening === undefined || (kind !== PacketKind.data && kind !== PacketKind.sync))
      return undefined;
    const { node, id, asked, nonce } = offer;
    const incarnation = this.#options.neighbours.incarnationOf(node);
    const seal = this.#options.seal.derive(id, asked, nonce);
    if (incarnation === undefined || seal.open(packet, 'dialled') === undefined) return undefined;
    this.#offers.delete(key);
    this.#nonces.set(key, nonce);
    const link = this.#open(node, incarnation, id, 'accepted', seal);
    listening.link(link);
    return link;
  }

  /** A closed link answers a peer that still uses it. */
  #bury(key: string, link: NodeLink): void {
    this.#gone.set(key, link);
    if (this.#gone.size <= mostGone) return;
    for (const [oldest] of this.#gone) {
      this.#gone.delete(oldest);
      return;
    }
  }

  #open(node: string, incarnation: number, id: Uint8Array, side: NodeLinkOptions['side'], seal: Seal): NodeLink {
    const key = keyOf(id);
    const subject = this.#options.subjects.to(node, incarnation);
    const link = new NodeLink({
      remote: node,
      id,
      seal,
      side,
      clock: this.#options.clock,
      send: (packet) => this.#options.wire().publish(subject, packet),
      awaited: () => this.#options.awaited(node),
      closed: () => {
        this.#links.delete(key);
        this.#nonces.delete(key);
        this.#bury(key, link);
      },
    });
    this.#links.set(key, link);
    return link;
  }
}
