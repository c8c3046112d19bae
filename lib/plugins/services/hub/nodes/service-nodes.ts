import { asBusError, BusError } from '../../../../base/errors.ts';
import { codeOf } from '../../../../base/thrown.ts';
import { inTime, Signal } from '../../../../base/wait.ts';
import type { World, WorldLane } from '../../../cluster/index.ts';
import type { Member, PresenceEvent } from '../../member.ts';
import type { Offering } from '../../client/provisions.ts';
import { type MemberAnswer, surveyGraceMs } from '../../service.ts';
import { readRows } from '../../survey-rows.ts';
import type { KeyNodes } from '../hub-service.ts';
import type { HubSurvey } from '../hub-survey.ts';
import type { Participant } from '../participant.ts';
import { type AnsweringNode, answerTo, type ServiceNodesHost } from './node-answers.ts';
import { isClaimed, mostKeys, readAsking, readTelling, type Telling } from './node-protocol.ts';
import { OtherHub } from './other-hub.ts';

/** The hubs of the other nodes of a world: who their members are, and what they offer together. */
export class ServiceNodes implements KeyNodes, AnsweringNode {
  readonly own: string;
  readonly host: ServiceNodesHost;
  readonly #world: World;
  readonly #lane: WorldLane;
  readonly #hubs = new Map<string, OtherHub>();
  /** What the others were told that is offered here. */
  readonly #told = new Map<string, Offering>();
  readonly #known = new Signal();
  #isSettled = false;
  #isDeferred = false;

  constructor(world: World, host: ServiceNodesHost) {
    this.host = host;
    this.#world = world;
    this.own = world.nodes[0]?.id ?? '';
    this.#lane = world.lane('services', {
      message: (data, from) => this.#heard(readTelling(data), from),
      request: (data, from, context) => answerTo(this, readAsking(data), from, context),
    });
    world.on('node', ({ id, state }) => {
      if (state === 'up' || state === 'suspect') this.#here(id, state === 'up');
      else this.#gone(id, state);
    });
    world.on('status', (status) => {
      if (status === 'closed') for (const node of [...this.#hubs.keys()]) this.#gone(node, 'left');
    });
    for (const { id, state } of world.nodes.slice(1)) if (this.#lane.nodes.includes(id)) this.#here(id, state === 'up');
    const settled = (): void => {
      this.#isSettled = true;
      this.#known.wake();
    };
    world.ready.then(settled, settled);
  }

  /** The hub of a node that is here. @throws BusError `ERR_NO_MEMBER`. */
  hub(node: string): OtherHub {
    const hub = this.#hubs.get(node);
    if (hub === undefined) throw new BusError('ERR_NO_MEMBER', `There is no node "${node}"`);
    return hub;
  }

  /** A member here came, went or changed. */
  told(event: PresenceEvent, member: Member, reason: string | undefined): void {
    this.#tellAll(event === 'leave' ? ['leave', member.id, reason ?? 'closed'] : [event, member]);
  }

  /** What is offered here is something else; told at the end of the turn. */
  changed(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.host.clock.defer(() => {
      this.#isDeferred = false;
      for (const offer of this.#offersChanged()) this.#tellAll(offer);
    });
  }

  /** A node asks who is here. */
  introduce(node: string): void {
    const { presence, services } = this.host;
    // Those who wait for word get it with all else.
    for (const offer of this.#offersChanged()) this.#tellAll(offer);
    this.#tell(node, ['all', services.epochs.mark, presence.own(), [...this.#told.values()]]);
    this.#compare(node);
  }

  async claim(
    service: string,
    key: string,
    epoch: number,
    asked: () => Iterable<Participant>,
  ): Promise<Participant | BusError | undefined> {
    const { clock, services } = this.host;
    let holder: Participant | undefined;
    const ask = async (participant: Participant): Promise<void> => {
      try {
        const answer = await this.hub(participant.name).reach.ask(['claim', service, key, epoch], services.claimMs);
        if (!isClaimed(answer)) throw new BusError('ERR_PROTOCOL', 'This is not an answer to a claim');
        services.epochs.heard(answer[0]);
        if (answer[1]) holder ??= participant;
      } catch (error) {
        if (!goneCodes.has(codeOf(error))) throw error;
      }
    };
    const late = (): BusError => new BusError('ERR_TIMEOUT', 'A node does not say what it has');
    try {
      await inTime({ clock, ms: services.claimMs, background: true }, this.#whenKnown(), late);
      await Promise.all(Array.from(asked(), ask));
      return holder;
    } catch (error) {
      return asBusError(error, 'ERR_REMOTE');
    }
  }

  async fetch(service: string, key: string, from: Participant): Promise<void> {
    await this.hub(from.name).reach.ask(['fetch', service, key], this.host.services.claimMs);
  }

  /** The members of other nodes that offer a service, each with its answer. */
  async survey({ service, method, caller, args, ask }: HubSurvey): Promise<MemberAnswer<unknown>[]> {
    const { timeoutMs } = ask;
    const within = timeoutMs === undefined ? 0 : timeoutMs + surveyGraceMs;
    const rows = Array.from(this.#hubs.values(), async (hub): Promise<MemberAnswer<unknown>[]> => {
      const asked = hub.offering(service);
      if (asked.length === 0) return [];
      try {
        const answer = hub.reach.ask(['survey', service, method, timeoutMs ?? null, caller.entry.id, args], within);
        return readRows(await answer).map((row) => ({ ...row, member: hub.seen(row.member) }));
      } catch (error) {
        const reason = asBusError(error, 'ERR_REMOTE');
        return asked.map((member) => ({ member, status: 'rejected', reason }));
      }
    });
    return (await Promise.all(rows)).flat();
  }

  async #whenKnown(): Promise<void> {
    while (!this.#isSettled || [...this.#hubs.values()].some(({ isKnown }) => !isKnown)) await this.#known.next();
  }

  #here(node: string, isUp: boolean): void {
    const known = this.#hubs.get(node);
    if (known !== undefined) {
      known.participant.isUp = isUp;
      this.host.services.nodeChanged();
      return;
    }
    const hub = new OtherHub(node, this.#lane, this.host.clock);
    this.#hubs.set(node, hub);
    const done = (): void => {
      hub.isKnown = true;
      this.#known.wake();
    };
    // One that has a hub says all; another one says that it has none.
    hub.reach.ask(['hub'], 0).catch((error: unknown) => {
      done();
      if (!goneCodes.has(codeOf(error))) this.host.report(error);
    });
  }

  #gone(node: string, reason: string): void {
    const hub = this.#hubs.get(node);
    if (hub === undefined) return;
    this.#hubs.delete(node);
    hub.participant.leave();
    this.host.services.remove(hub.participant);
    for (const { entry } of [...hub.members]) this.#left(hub, entry.id.slice(node.length + 1), reason);
    this.#known.wake();
  }

  #heard(told: Telling, from: string): void {
    const hub = this.#hubs.get(from);
    const { services } = this.host;
    if (hub === undefined) return;
    switch (told[0]) {
      case 'all':
        services.epochs.heard(told[1]);
        this.#all(hub, told[2], told[3]);
        this.#compare(from);
        return;
      case 'join':
      case 'change':
        this.#set(hub, told[1]);
        return;
      case 'leave':
        this.#left(hub, told[1], told[2]);
        return;
      case 'offer':
        this.#offered(hub, told[1], told[2], told[3]);
        return;
      case 'have':
        this.#meet(hub, told[1], told[2]);
    }
  }

  #all(hub: OtherHub, members: readonly Member[], offers: readonly Offering[]): void {
    const ids = new Set(members.map(({ id }) => id));
    for (const { entry } of [...hub.members]) {
      const id = entry.id.slice(hub.node.length + 1);
      if (!ids.has(id)) this.#left(hub, id, 'closed');
    }
    for (const member of members) this.#set(hub, member);
    for (const [name, how, share] of offers) this.#offered(hub, name, how, share);
    hub.isKnown = true;
    this.#known.wake();
  }

  #set(hub: OtherHub, member: Member): void {
    const { presence, tell } = this.host;
    const isNew = hub.set(member);
    const seen = hub.seen(member);
    presence.others.set(seen.id, seen);
    tell(isNew ? 'join' : 'change', seen);
  }

  #left(hub: OtherHub, id: string, reason: string): void {
    const member = hub.delete(id);
    if (member === undefined) return;
    const { callerGone, presence, tell } = this.host;
    presence.others.delete(member.entry.id);
    tell('leave', member.entry, reason);
    callerGone(member);
  }

  #offered(hub: OtherHub, name: string, how: 'calls' | 'keys', share: number): void {
    try {
      this.host.services.nodeOffers(hub.participant, [name, how, share]);
    } catch (error) {
      this.host.report(error);
    }
  }

  /** Both may have a key where the two did not know of each other: the one that was started later says which it has. */
  #compare(node: string): void {
    const [own, ...others] = this.#world.nodes;
    const other = others.find(({ id }) => id === node);
    if (own === undefined || other === undefined || own.incarnation < other.incarnation) return;
    for (const [service, held] of this.host.services.held()) {
      for (let at = 0; at < held.length; at += mostKeys)
        this.#tell(node, ['have', service, held.slice(at, at + mostKeys)]);
    }
  }

  #meet(hub: OtherHub, service: string, keys: readonly (readonly [string, number])[]): void {
    const { services } = this.host;
    const kept = services.met(service, hub.participant, keys);
    if (kept.length > 0) this.#tell(hub.node, ['have', service, kept]);
  }

  *#offersChanged(): Generator<Telling, void, void> {
    const offers = new Map(Array.from(this.host.services.offers(), (offer) => [offer[0], offer]));
    for (const [name, how] of this.#told.values()) if (!offers.has(name)) offers.set(name, [name, how, 0]);
    for (const [name, offer] of offers) {
      const told = this.#told.get(name);
      if (told?.[1] === offer[1] && told[2] === offer[2]) continue;
      this.#told.set(name, offer);
      yield ['offer', ...offer];
    }
  }

  #tellAll(told: Telling): void {
    for (const node of this.#hubs.keys()) this.#tell(node, told);
  }

  /** One that is gone is told all when it is back. */
  #tell(node: string, told: Telling): void {
    this.#lane.send(node, told).catch((error: unknown) => {
      if (!goneCodes.has(codeOf(error))) this.host.report(error);
    });
  }
}

/** What says that a node has nothing: it is gone, or has no hub, or this one is alone. */
const goneCodes: ReadonlySet<unknown> = new Set(['ERR_NODE_LOST', 'ERR_NO_MEMBER', 'ERR_NO_HANDLER', 'ERR_CLOSED']);
