import { worldOf } from '../../cluster/internal.ts';
import type { Lane, LaneRequestContext, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import { type PeerMessage, readPeerMessage, readRequest } from '../lane-messages.ts';
import { Reason } from '../reason.ts';
import type { RelayOptions, Requester } from '../relay-options.ts';
import { AccessPolicy } from './access-policy.ts';
import { BusMember } from './bus-member.ts';
import { MemberRequests } from './member-requests.ts';
import { denialReason, denialSentence, Relay } from './relay.ts';
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

  constructor(host: PluginHost, options: RelayOptions) {
    this.options = options;
    this.relay = new Relay(host.clock, options.maxRooms);
    this.policy = new AccessPolicy(options, host.clock, (error, peer) => host.report(error, peer));
    this.#requests = new MemberRequests(this.relay, (asked) => this.policy.limits(asked));
    this.#lane = host.lane({
      message: (data, peer) => this.#receive(data, peer),
      // A list is made at once: it may be long, and how many are made in one turn is counted.
      request: (data, context) =>
        Array.isArray(data) && data[0] === 'list' ? this.relay.listed() : this.#request(data, context),
    });
    this.topics = new TopicHub(this.#lane, options.maxSubscriptions, (error) => host.report(error), worldOf(host));
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
      this.#requests.frame(this.#member(handle), data);
      return undefined;
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
        return this.#requests.message(member, message);
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

  async #request(data: unknown, { peer }: LaneRequestContext): Promise<unknown> {
    const request = readRequest(data);
    if (request[0] === 'list') return this.relay.listed();
    const member = this.#member(peer);
    const [action, handle, id, given] = request;
    if (!(await this.policy.decides(action, id, requester(peer)))) return [Reason.ID, 'The relay refused'];
    if (!member.present) return [Reason.DISCONNECT, null];
    const denial = this.#requests[action](member, handle, id, given);
    return denial === undefined ? null : [denialReason[denial], denialSentence[denial]];
  }
}

function requester(handle: PeerHandle): Requester {
  return { id: handle.id ?? '', joint: false, remoteAddress: handle.remoteAddress, connection: handle };
}
