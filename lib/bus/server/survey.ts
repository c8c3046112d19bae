import { AsyncQueue } from '../../base/async-queue.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import { checkSettings } from '../../base/options.ts';
import {
  type AskOptions,
  askNames,
  askOptions,
  audienceNames,
  type AudienceSettings,
  type SurveySettings,
  Withdrawal,
} from '../call-settings.ts';
import type { LaneSurveySettings, PeerHandle } from '../lane.ts';
import type { ResolvedServerOptions } from '../options.ts';
import { resultOf, type SurveyAnswer, type SurveyResult, type SurveyStreamSettings } from '../survey-answer.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';

/** What a survey asks of a member. */
export interface SurveyMember<Handle> {
  readonly handle: Handle;
  ask(options: AskOptions): Promise<unknown>;
  /** Since when the member has no link, if so. */
  downAt(): number | undefined;
  /** Calls back when the member's link breaks or came back; returns how to stop that. */
  watchLink(changed: () => void): () => void;
}

const surveyNames = [...askNames, ...audienceNames];
const streamSettings = [...surveyNames, 'quorum', 'first'];

/** How many fulfilled answers end the stream. @throws BusError `ERR_INVALID_ARGUMENT`. */
function quorumOf(settings: SurveyStreamSettings): number {
  checkSettings('surveyStream takes', streamSettings, settings);
  const { first = false, quorum = first ? 1 : Number.POSITIVE_INFINITY } = settings;
  if (quorum === Number.POSITIVE_INFINITY || (Number.isInteger(quorum) && quorum > 0)) return quorum;
  throw new BusError('ERR_INVALID_ARGUMENT', `A quorum must be an integer of 1 or more, not ${String(quorum)}`);
}

/**
 * Asks each member and calls `answered` once for each of them. A member has `graceMs` to come back from when its
 * link broke, then it counts as gone (`ERR_CLOSED`); one that is gone already is not asked. The function returned cancels what is still open.
 */
function askAll<Handle>(
  members: readonly SurveyMember<Handle>[],
  options: AskOptions,
  clock: Clock,
  graceMs: number,
  answered: (answer: SurveyAnswer<Handle, unknown>) => void,
): () => void {
  const cancels: (() => void)[] = [];
  for (const member of members) cancels.push(askOne(member, options, clock, graceMs, answered));
  return () => {
    for (const cancel of cancels) cancel();
  };
}

function askOne<Handle>(
  member: SurveyMember<Handle>,
  options: AskOptions,
  clock: Clock,
  graceMs: number,
  answered: (answer: SurveyAnswer<Handle, unknown>) => void,
): () => void {
  const { handle: peer } = member;
  /** What is left to the member of its time to come back. */
  const graceLeft = (): number => {
    const downAt = member.downAt();
    return downAt === undefined ? Number.POSITIVE_INFINITY : downAt + graceMs - clock.now();
  };
  if (graceLeft() <= 0) {
    answered({ peer, status: 'rejected', reason: goneError() });
    return () => {};
  }
  const withdrawal = new Withdrawal();
  let grace: Timer | undefined;
  let open = true;
  const settle = (answer: SurveyAnswer<Handle, unknown>): void => {
    if (!open) return;
    open = false;
    grace?.cancel();
    unwatch();
    answered(answer);
  };
  const give = (reason: BusError): void => {
    settle({ peer, status: 'rejected', reason });
    withdrawal.withdraw(reason);
  };
  const linkChanged = (): void => {
    grace?.cancel();
    const ms = graceLeft();
    grace = Number.isFinite(ms) ? clock.setTimer(() => give(goneError()), ms, true) : undefined;
  };
  const unwatch = member.watchLink(linkChanged);
  linkChanged();
  member.ask({ ...options, withdrawal }).then(
    (value) => settle({ peer, status: 'fulfilled', value }),
    (error: unknown) => settle({ peer, status: 'rejected', reason: asBusError(error, 'ERR_REMOTE') }),
  );
  return () => {
    if (open) give(new BusError('ERR_ABORTED', 'The survey ended without this answer'));
  };
}

function goneError(): BusError {
  return new BusError('ERR_CLOSED', 'The peer left');
}

/** The answers of a survey in the order they come. Ending the loop cancels the questions still open. */
async function* surveyAnswers<Handle>(
  members: readonly SurveyMember<Handle>[],
  options: AskOptions,
  quorum: number,
  clock: Clock,
  graceMs: number,
): AsyncGenerator<SurveyAnswer<Handle, unknown>, void, void> {
  const answers = new AsyncQueue<SurveyAnswer<Handle, unknown>>({ give: (answer) => answer });
  let open = members.length;
  if (open === 0) answers.end();
  const cancel = askAll(members, options, clock, graceMs, (answer) => {
    answers.push(answer);
    open -= 1;
    if (open === 0) answers.end();
  });
  let fulfilled = 0;
  try {
    for await (const answer of answers) {
      if (answer.status === 'fulfilled') fulfilled += 1;
      yield answer;
      if (fulfilled >= quorum) return;
    }
  } finally {
    cancel();
  }
}

type Given = number | SurveySettings<Connection> | undefined;
type Ask = (connection: Connection, options: AskOptions) => Promise<unknown>;

/** The surveys of one server; each asks those who are connected when it starts. */
export class Surveys {
  readonly #connections: Connections;
  readonly #options: ResolvedServerOptions;

  constructor(connections: Connections, options: ResolvedServerOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  async all(data: unknown, settings: Given): Promise<SurveyResult<unknown>[]> {
    return this.#results(settings, (connection, ask) => connection.conversation.request('', data, ask));
  }

  async pings(data: unknown, settings: Given): Promise<SurveyResult<number>[]> {
    const ping = (connection: Connection, ask: AskOptions): Promise<unknown> => connection.conversation.ping(data, ask);
    return this.#results(settings, ping) as Promise<SurveyResult<number>[]>;
  }

  stream(
    data: unknown,
    settings: SurveyStreamSettings & AudienceSettings<Connection> = {},
  ): AsyncGenerator<SurveyAnswer<Connection, unknown>, void, void> {
    const quorum = quorumOf(settings);
    const { timeout, signal } = settings;
    const options = askOptions({ timeout, signal }, 10_000);
    const members = this.#members(this.#connections.select(settings), (connection, ask) =>
      connection.conversation.request('', data, ask),
    );
    return surveyAnswers(members, options, quorum, this.#options.clock, this.#options.surveyGraceMs);
  }

  /** Asks those of `peers` on a plugin's lane, each once. */
  async onLane(
    lane: string,
    peers: Iterable<PeerHandle>,
    data: unknown,
    settings: LaneSurveySettings = {},
  ): Promise<SurveyAnswer<PeerHandle, unknown>[]> {
    const { unclaimed, ...given } = settings;
    const options = askOptions(given, 10_000);
    const connections = new Set<Connection>();
    for (const peer of peers) connections.add(this.#connections.conversationWith(peer).handle);
    return this.#gather(connections, options, (connection, ask) => {
      const late = unclaimed === undefined ? undefined : (answer: unknown) => unclaimed(answer, connection);
      return connection.conversation.request(lane, data, { ...ask, unclaimed: late });
    });
  }

  async #results(settings: Given, ask: Ask): Promise<SurveyResult<unknown>[]> {
    const options = askOptions(settings, 10_000, surveyNames);
    const audience = typeof settings === 'object' ? settings : {};
    const answers = await this.#gather(this.#connections.select(audience), options, ask);
    return answers.map(resultOf);
  }

  /** All answers, in the order of those who are asked. */
  #gather(
    connections: Iterable<Connection>,
    options: AskOptions,
    ask: Ask,
  ): Promise<SurveyAnswer<Connection, unknown>[]> {
    const members = this.#members(connections, ask);
    const { clock, surveyGraceMs } = this.#options;
    if (members.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const answers = new Map<Connection, SurveyAnswer<Connection, unknown>>();
      askAll(members, options, clock, surveyGraceMs, (answer) => {
        answers.set(answer.peer, answer);
        if (answers.size === members.length) resolve(members.flatMap(({ handle }) => answers.get(handle) ?? []));
      });
    });
  }

  #members(connections: Iterable<Connection>, ask: Ask): SurveyMember<Connection>[] {
    return Array.from(connections, (connection) => ({
      handle: connection,
      ask: (options) => ask(connection, options),
      downAt: () => connection.conversation.downAt,
      watchLink: (changed) => this.#connections.watchLink(connection, changed),
    }));
  }
}
