import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { AskOptions, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import type { World } from '../../cluster/index.ts';
import { worldOf } from '../../cluster/internal.ts';
import { type Callee, type CallRequest, kind, laneHub, type LaneHub, OneWayContext } from '../../rpc/internal.ts';
import { hubId, type Member } from '../member.ts';
import type { Offering, Provisions } from '../client/provisions.ts';
import { checkMeta } from '../meta.ts';
import { callHead, object, readAtHub, readCall, readSurvey, surveyHead } from '../protocol.ts';
import type { HubLimits } from '../services-options.ts';
import { Call, type Caller } from './call.ts';
import { EarlyCalls } from './early-calls.ts';
import { HubSurveys } from './hub-survey.ts';
import { LocalReach } from './local-reach.ts';
import { ServiceNodes } from './nodes/service-nodes.ts';
import { OwnRequest } from './own-request.ts';
import { Participant } from './participant.ts';
import { Presence, type Watcher } from './presence.ts';
import { RemoteReach } from './remote-reach.ts';
import { ServiceTable } from './service-table.ts';

/** The hub's end of the protocol: who is a member, and where calls go. */
export class Hub {
  readonly presence: Presence;
  readonly services: ServiceTable;
  readonly surveys: HubSurveys;
  /** The hub as a member. */
  readonly own: Participant;
  readonly #host: PluginHost;
  readonly #lanes: LaneHub;
  readonly #provisions: Provisions;
  readonly #members = new Map<PeerHandle, Participant>();
  /** Those who are not members in this session any more, or were refused. */
  readonly #outsiders = new WeakSet<PeerHandle>();
  readonly #early = new EarlyCalls();
  readonly #nodes: ServiceNodes | undefined;

  constructor(host: PluginHost, limits: HubLimits, provisions: Provisions, watcher: Watcher) {
    const report = (error: unknown, participant?: Participant): void => host.report(error, participant?.peer);
    this.#host = host;
    this.#provisions = provisions;
    this.#lanes = laneHub(host);
    const tell: Watcher = (event, member, reason) => {
      this.#tellWatchers(event, member, reason);
      watcher(event, member, reason);
    };
    this.presence = new Presence(host.clock, limits.maxMembers, (event, member, reason) => {
      tell(event, member, reason);
      this.#nodes?.told(event, member, reason);
    });
    this.services = new ServiceTable(host.clock, limits, report);
    const reach = new LocalReach(provisions, host.clock, report);
    this.own = new Participant({ id: hubId, name: hubId, meta: undefined, since: Date.now() }, undefined, reach);
    this.presence.add(this.own);
    this.surveys = new HubSurveys(host.clock, this.#lanes, this.presence, this.services, this.own);
    const world = worldOf(host);
    if (world !== undefined) this.#nodes = this.#span(world, tell, report);
    const { hub } = this.#lanes;
    const control: Callee = { prints: {}, hash: '', call: (name, args, request) => this.#control(name, args, request) };
    const calls: Callee = { prints: {}, hash: '', call: (name, args, request) => this.#called(name, args, request) };
    const surveys: Callee = {
      prints: {},
      hash: '',
      call: (name, args, request) => this.#surveyed(name, args, request),
    };
    hub.offer(object.control, () => control);
    hub.offer(object.call, () => calls);
    hub.offer(object.survey, () => surveys);
    host.onLink((peer, up) => {
      const participant = this.#members.get(peer);
      if (participant === undefined) return;
      participant.isUp = up;
      this.#changed(participant);
    });
    host.onDisconnect((peer, reason) => {
      const participant = this.#members.get(peer);
      this.#early.fail(peer, new BusError('ERR_CLOSED'));
      if (participant !== undefined) this.#leave(participant, typeof reason === 'string' ? reason : 'closed');
    });
  }

  /** The hubs of all nodes of a world are one to their members. */
  #span(world: World, tell: Watcher, report: (error: unknown) => void): ServiceNodes {
    const { clock, presence, services, surveys } = this;
    const callerGone = (caller: Caller): void => this.#callerGone(caller);
    const nodes = new ServiceNodes(world, { clock, presence, services, surveys, tell, callerGone, report });
    services.spanOver(nodes);
    surveys.elsewhere = (survey) => nodes.survey(survey);
    return nodes;
  }

  #callerGone(caller: Caller): void {
    for (const { reach } of this.#members.values()) reach.callerGone(caller);
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  /** As a member's word `provide`, of the hub's own. */
  offer(offering: Offering): void {
    this.services.check([offering], this.own);
    this.services.add(this.own, offering);
    this.presence.change(this.own);
  }

  async withdraw(participant: Participant, service: string): Promise<void> {
    const moved = this.services.withdraw(participant, service);
    this.presence.change(participant);
    await moved;
  }

  setMeta(participant: Participant, meta: unknown): void {
    checkMeta(meta);
    this.presence.change(participant, { meta });
  }

  /** Resolves when the member has no key and no call. */
  async drain(participant: Participant): Promise<void> {
    if (!participant.isDraining) {
      participant.isDraining = true;
      this.#changed(participant);
    }
    await this.services.drain(participant);
  }

  /** A call of the hub's own. */
  call(
    service: string,
    key: string | undefined,
    method: string,
    args: readonly unknown[],
    ask: AskOptions,
  ): Promise<unknown> {
    const request = new OwnRequest(this.clock, ask);
    const { idempotent } = ask;
    const call = new Call({ caller: this.own, service, key, method, args, idempotent, request });
    const answer = call.answer();
    this.services.route(call);
    return request.settle(answer);
  }

  notify(service: string, key: string | undefined, method: string, args: readonly unknown[]): void {
    const request = new OneWayContext(undefined);
    this.services.route(new Call({ caller: this.own, service, key, method, args, idempotent: false, request }));
  }

  open(): void {
    this.services.open();
  }

  close(): void {
    this.services.close(new BusError('ERR_CLOSED', 'The hub closes'));
    this.#provisions.loseAll();
    this.presence.dispose();
  }

  #called(method: unknown, given: readonly unknown[], request: CallRequest): unknown {
    if (!readCall(given)) throw new BusError('ERR_PROTOCOL', 'Not a call of a service');
    const peer = request.peer as PeerHandle;
    if (!this.#members.has(peer) && !this.#outsiders.has(peer)) {
      return this.#early.add(peer, () => this.#called(method, given, request));
    }
    const [service, key, idempotent] = given;
    const call = new Call({
      caller: this.#memberOf(request),
      service,
      key: key ?? undefined,
      method: String(method),
      args: given.slice(callHead),
      idempotent,
      request,
    });
    const answer = request instanceof OneWayContext ? undefined : call.answer();
    this.services.route(call);
    return answer;
  }

  #surveyed(method: unknown, given: readonly unknown[], request: CallRequest): Promise<unknown> {
    if (!readSurvey(given)) throw new BusError('ERR_PROTOCOL', 'Not a survey of a service');
    const [service, timeout] = given;
    const ask: AskOptions = { timeoutMs: timeout ?? undefined, signal: request.signal, idempotent: false };
    const args = given.slice(surveyHead);
    return this.surveys.rows({ caller: this.#memberOf(request), service, method: String(method), args, ask });
  }

  #control(name: unknown, args: readonly unknown[], request: CallRequest): unknown {
    const word = readAtHub([name, ...args]);
    if (word[0] === 'join') return this.#join(word[1] ?? undefined, word[2], word[3], word[4], request);
    if (word[0] === 'members') return this.presence.entries(word[1] ?? undefined);
    if (word[0] === 'member') return this.presence.named(word[1]) ?? null;
    const member = this.#memberOf(request);
    switch (word[0]) {
      case 'setMeta':
        return this.setMeta(member, word[1]);
      case 'provide': {
        const offering: Offering = [word[1], word[2], word[3]];
        this.services.check([offering], member);
        this.services.add(member, offering);
        return this.presence.change(member);
      }
      case 'withdraw':
        return this.withdraw(member, word[1]);
      case 'drain':
        return this.drain(member);
      case 'release':
        return this.services.keys(word[1]).release(word[2], member);
      case 'idle':
        return this.services.keys(word[1]).idle(word[2], member, word[3], word[4]);
      case 'watch':
        member.watches = true;
        return undefined;
    }
  }

  #join(
    given: string | undefined,
    meta: unknown,
    takeOver: boolean,
    offerings: readonly Offering[],
    { peer: asking }: CallRequest,
  ): string {
    const peer = asking as PeerHandle;
    const { id } = peer;
    if (id === undefined || this.#members.has(peer) || this.#outsiders.has(peer)) {
      throw new BusError('ERR_STATE', 'This client is a member already, or was one');
    }
    const name = given ?? id;
    let holder: Participant | undefined;
    try {
      checkMeta(meta);
      this.services.check(offerings);
      holder = this.presence.claim(id, name, takeOver);
    } catch (error) {
      this.#outsiders.add(peer);
      this.#early.fail(peer, new BusError('ERR_STATE', 'This client is not a member'));
      throw error;
    }
    if (holder?.peer !== undefined) {
      this.#outsiders.add(holder.peer);
      this.#leave(holder, 'replaced');
      holder.reach.replaced();
    }
    const reach = new RemoteReach(this.#lanes.hub.session(peer));
    const participant = new Participant({ id, name, meta, since: Date.now() }, peer, reach);
    // What it said may be heard when its link has broken.
    participant.isUp = peer.remoteAddress !== undefined;
    this.#members.set(peer, participant);
    for (const offering of offerings) participant.services.add(offering[0]);
    participant.refresh(meta);
    this.presence.add(participant);
    for (const offering of offerings) this.services.add(participant, offering);
    this.#early.joined(peer);
    return id;
  }

  #leave(participant: Participant, reason: string): void {
    if (participant.peer !== undefined) this.#members.delete(participant.peer);
    this.presence.remove(participant, reason);
    this.services.remove(participant);
    this.#callerGone(participant);
  }

  #changed(participant: Participant): void {
    this.presence.change(participant);
    this.services.changed(participant);
  }

  #memberOf({ peer }: CallRequest): Participant {
    const member = this.#members.get(peer as PeerHandle);
    if (member === undefined) throw new BusError('ERR_STATE', 'This client is not a member');
    return member;
  }

  #tellWatchers(event: string, member: Member, reason: string | undefined): void {
    const watching: PeerHandle[] = [];
    for (const [peer, { watches }] of this.#members) if (watches) watching.push(peer);
    if (watching.length === 0) return;
    const word = [object.control, 'presence', null, event, member, reason ?? null];
    void this.#lanes.lane.broadcast(watching, [kind.notify, word]);
  }
}
