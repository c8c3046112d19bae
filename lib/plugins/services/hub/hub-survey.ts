import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { toFailure } from '../../../base/failure.ts';
import type { AskOptions, PeerHandle } from '../../../bus/plugin.ts';
import { type LaneHub, travels } from '../../rpc/internal.ts';
import { object, unbegun } from '../protocol.ts';
import type { MemberAnswer } from '../service.ts';
import { rowsOf } from '../survey-rows.ts';
import { Call, type Caller } from './call.ts';
import { OwnRequest } from './own-request.ts';
import type { Participant } from './participant.ts';
import type { Presence } from './presence.ts';
import { RemoteReach } from './remote-reach.ts';
import type { ServiceTable } from './service-table.ts';

/** Surveys of a member that may be open at once: each asks many. */
const mostOpen = 1_000;

/** One call of all who offer a service, each with so long to answer. */
export interface HubSurvey {
  readonly caller: Caller;
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly ask: AskOptions;
  /** Of those of this hub alone. */
  readonly isOwn?: boolean;
}

/** The surveys of services, those of members and the hub's own. */
export class HubSurveys {
  readonly #clock: Clock;
  readonly #lanes: LaneHub;
  readonly #presence: Presence;
  readonly #services: ServiceTable;
  readonly #own: Participant;
  /** How many surveys of each member are open. */
  readonly #open = new Map<Caller, number>();
  /** Asks the hubs of other nodes. */
  elsewhere: ((survey: HubSurvey) => Promise<MemberAnswer<unknown>[]>) | undefined;

  constructor(clock: Clock, lanes: LaneHub, presence: Presence, services: ServiceTable, own: Participant) {
    this.#clock = clock;
    this.#lanes = lanes;
    this.#presence = presence;
    this.#services = services;
    this.#own = own;
  }

  /** Resolves with the answers in the order in which the members came. Rejects with `ERR_UNENCODABLE`, `ERR_INVALID_ARGUMENT`. */
  async all(survey: HubSurvey): Promise<MemberAnswer<unknown>[]> {
    this.#services.checkKeyless(survey.service);
    if (!travels(survey.args)) {
      throw new BusError('ERR_UNENCODABLE', 'Functions and streams can be passed to one peer only');
    }
    const asked = [...this.#presence.all].filter(({ services }) => services.has(survey.service));
    const remote = new Map<PeerHandle, Participant>();
    for (const participant of asked) {
      if (participant.peer !== undefined) remote.set(participant.peer, participant);
      if (participant.reach instanceof RemoteReach) participant.reach.introduce(survey.caller.entry);
    }
    const rows = new Map<Participant, MemberAnswer<unknown>>();
    const [others] = await Promise.all([
      survey.isOwn === true ? undefined : this.elsewhere?.(survey),
      this.#askRemote(remote, survey, rows),
      asked.includes(this.#own) ? this.#askOwn(survey, rows) : undefined,
    ]);
    return [...asked.flatMap((participant) => rows.get(participant) ?? []), ...(others ?? [])];
  }

  /** The same for a member, as it travels. Rejects with `ERR_QUEUE_FULL` as well, where it has asked too many. */
  async rows(survey: HubSurvey): Promise<unknown[]> {
    const { caller } = survey;
    const open = this.#open.get(caller) ?? 0;
    if (open >= mostOpen) throw new BusError('ERR_QUEUE_FULL', `${mostOpen} surveys of this member are open`);
    this.#open.set(caller, open + 1);
    try {
      return rowsOf(await this.all(survey));
    } finally {
      const left = (this.#open.get(caller) ?? 1) - 1;
      if (left === 0) this.#open.delete(caller);
      else this.#open.set(caller, left);
    }
  }

  async #askRemote(
    members: ReadonlyMap<PeerHandle, Participant>,
    { caller, service, method, args, ask: { timeoutMs, signal } }: HubSurvey,
    rows: Map<Participant, MemberAnswer<unknown>>,
  ): Promise<void> {
    const { hub, lane } = this.#lanes;
    const sessions = new Map(Array.from(members.keys(), (peer) => [peer, hub.session(peer)]));
    const body = [object.call, method, null, service, caller.entry.id, null, 0, ...args];
    const unclaimed = (answer: unknown, peer: PeerHandle): void => hub.session(peer).unclaimed(answer);
    const answers = await lane.survey(members.keys(), body, { timeout: timeoutMs ?? 0, signal, unclaimed });
    for (const answer of answers) {
      const participant = members.get(answer.peer);
      if (participant === undefined) continue;
      const { entry: member } = participant;
      try {
        if (answer.status === 'rejected') throw answer.reason;
        const value = sessions.get(answer.peer)?.settle(answer.value);
        rows.set(participant, { member, status: 'fulfilled', value });
      } catch (error) {
        rows.set(participant, { member, status: 'rejected', reason: reasonOf(error) });
      }
    }
  }

  async #askOwn(
    { caller, service, method, args, ask }: HubSurvey,
    rows: Map<Participant, MemberAnswer<unknown>>,
  ): Promise<void> {
    const request = new OwnRequest(this.#clock, ask);
    const call = new Call({ caller, service, key: undefined, method, args, idempotent: false, request });
    const { entry: member, reach } = this.#own;
    try {
      const value = await request.settle(reach.call(call, 0, call.attempt()));
      rows.set(this.#own, { member, status: 'fulfilled', value });
    } catch (error) {
      rows.set(this.#own, { member, status: 'rejected', reason: reasonOf(error) });
    }
  }
}

function reasonOf(error: unknown): BusError {
  const { code, message } = toFailure(error);
  if (code === unbegun) return new BusError('ERR_NO_SERVICE', message);
  return error instanceof BusError ? error : new BusError(code, message);
}
