import { worldOf } from '../../cluster/internal.ts';
import type { Lane, LaneHandlers, LaneRequestContext, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import { isName, type PeerMessage, readPeerMessage, readRequest, type RoomInfo } from '../lane-messages.ts';
import { Reason } from '../reason.ts';
import type { RelayOptions, Requester } from '../relay-options.ts';
import { AccessPolicy } from './access-policy.ts';
import { BusMember } from './bus-member.ts';
import { MemberRequests } from './member-requests.ts';
import { denialReason, denialSentence, type Denial, Relay } from './relay.ts';
import { RoomNodes } from './room-nodes.ts';
import { TopicHub } from './topic-hub.ts';

/** The key under which the relay that users get hands itself to busbar/joint. */
export const relayLane: unique symbol = Symbol('busbar.relayLane');

export interface HasRelayLane {
  readonly [relayLane]: RelayLane;
}

/** The relay's side of the channels lane: turns what bus peers send into moves of the relay. */
export class RelayLane {
  readonly relay: Relay;
  readonly topics: TopicHub;
  readonly policy: AccessPolicy;
  readonly options: RelayOptions;
  readonly #requests: MemberRequests;
  readonly #members = new Map<PeerHandle, BusMember>();
  readonly #lane: Lane;
  /** Where the server is a node of a cluster. */
  readonly #nodes: RoomNodes | undefined;

  constructor(host: PluginHost, options: RelayOptions) {
    this.options = options;
    this.relay = new Relay(host.clock, options.maxRooms);
    this.policy = new AccessPolicy(options, host.clock, (error, peer) => host.report(error, peer));
    this.#requests = new MemberRequests(this.relay, (asked) => this.policy.limits(asked));
    const { relay } = this;
    const handlers: LaneHandlers = {
      message: (data, peer) => this.#receive(data, peer),
      // A list is made at once: it may be long, and how many are made in one turn is counted.
      request: (data, context) =>
        Array.isArray(data) && data[0] === 'list' ? this.#list() : this.#request(data, context),
    };
    const world = worldOf(host);
    const { maxChannels } = options;
    const left = (peer: PeerHandle): void => this.#departed(peer);
    this.#nodes = world && new RoomNodes({ host, world, relay, handlers, maxChannels, left });
    this.#lane = this.#nodes?.lane ?? host.lane(handlers);
    this.topics = new TopicHub(this.#lane, options.maxSubscriptions, (error) => host.report(error), world);
    host.onDisconnect((peer) => this.#departed(peer));
  }

  #member(handle: PeerHandle): BusMember {
    const known = this.#members.get(handle);
    if (known !== undefined) return known;
    const key = this.policy.key(requester(handle)) ?? `bus:${handle.id ?? ''}`;
    const member = new BusMember(handle, this.#lane, key, this.options);
    this.#members.set(handle, member);
    return member;
  }

  /** A peer that closes leaves its rooms first; what is left now was cut off. */
  #departed(handle: PeerHandle): void {
    const member = this.#members.get(handle);
    if (member === undefined) return;
    this.#members.delete(handle);
    member.depart();
    this.topics.forget(member);
    this.relay.removeMember(member, Reason.DISCONNECT);
  }

  #receive(data: unknown, handle: PeerHandle): Promise<void> | void {
    if (data instanceof Uint8Array) {
      const passed = this.#nodes?.frame(data, handle);
      if (passed === undefined) this.#requests.frame(this.#member(handle), data);
      return passed;
    }
    return this.#message(readPeerMessage(data), this.#member(handle));
  }

  #message(message: PeerMessage, member: BusMember): Promise<void> | void {
    switch (message[0]) {
      case 'publish': {
        const [, topic, data] = message;
        return this.#permitted(member, 'publish', topic, data, () => void this.topics.publish(topic, data));
      }
      case 'subscribe':
        return this.#permitted(member, 'subscribe', message[1], null, () => this.topics.subscribe(member, message[1]));
      case 'unsubscribe':
        return this.#permitted(member, undefined, message[1], null, () => this.topics.unsubscribe(member, message[1]));
      default:
        return this.#nodes?.message(message, member.handle) ?? this.#requests.message(member, message);
    }
  }

  /**
   * Without `authorize` at once; with it one after the other, so that a peer's topics keep their order. Where there is no
   * action, nobody is asked.
   */
  #permitted(
    member: BusMember,
    action: 'publish' | 'subscribe' | undefined,
    topic: string,
    data: unknown,
    run: () => void,
  ): Promise<void> | void {
    if (this.policy.open) return run();
    return member.authorizations.add([topic, data], async () => {
      if (action === undefined || (await this.policy.admits(action, topic, requester(member.handle)))) run();
    });
  }

  #list(): RoomInfo[] | Promise<RoomInfo[]> {
    const own = this.relay.listed();
    return this.#nodes === undefined ? own : this.#nodes.list().then((others) => [...own, ...others]);
  }

  async #request(data: unknown, context: LaneRequestContext): Promise<unknown> {
    const request = readRequest(data);
    if (request[0] === 'list') return this.#list();
    const { peer } = context;
    const member = this.#member(peer);
    const [action, handle, id, given] = request;
    if (!(await this.policy.decides(action, id, requester(peer)))) return [Reason.ID, 'The relay refused'];
    if (!member.present) return [Reason.DISCONNECT, null];
    let denial: Denial | undefined;
    const here = (): void => {
      if (member.present) denial = this.#requests[action](member, handle, id, given);
    };
    const nodes = this.#nodes;
    // What a client of another node asks, that node has decided.
    if (nodes === undefined || nodes.lane.has(peer) || !isName(id) || this.relay.named(id) !== undefined) here();
    else if (action === 'create') {
      if (await nodes.isTaken(id, here)) denial = 'taken';
    } else {
      const node = await nodes.find(id);
      if (node === undefined) here();
      else if (member.entered.size + nodes.sizeOf(peer) >= this.options.maxChannels) denial = 'max';
      else return nodes.enter(node, request, context);
    }
    return denial === undefined ? null : [denialReason[denial], denialSentence[denial]];
  }
}

function requester(handle: PeerHandle): Requester {
  return { id: handle.id ?? '', joint: false, remoteAddress: handle.remoteAddress, connection: handle };
}
