import { AsyncQueue } from '../base/async-queue.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { asBusError, BusError } from '../base/errors.ts';
import { checkSettings } from '../base/options.ts';
import {
  type AskOptions,
  askNames,
  askOptions,
  audienceNames,
  type AudienceSettings,
  type SurveySettings,
  Withdrawal,
} from './call-settings.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Unchecked } from './contract.ts';
import type { ResolvedServerOptions } from './options.ts';

/** What a survey asks of a member. */
export interface SurveyMember<Handle> {
  readonly handle: Handle;
  ask(options: AskOptions): Promise<unknown>;
  /** Since when the member has no link, if so. */
  downAt(): number | undefined;
  /** Calls back when the member's link breaks or came back; returns how to stop that. */
  watchLink(changed: () => void): () => void;
}

/** One member's answer, as it comes. */
export type SurveyAnswer<Handle, Value> =
  | { readonly peer: Handle; readonly status: 'fulfilled'; readonly value: Value }
  | { readonly peer: Handle; readonly status: 'rejected'; readonly reason: BusError };

/** What `survey` and `ping` resolve for each member, as `Promise.allSettled` would. */
export type SurveyResult<Value> =
  | { readonly status: 'fulfilled'; readonly value: Value; readonly reason?: undefined }
  | { readonly status: 'rejected'; readonly value?: undefined; readonly reason: BusError };

/** What net-ipc calls it. */
export type PromiseSettled<Value = Unchecked> = SurveyResult<Value>;

export interface SurveyStreamSettings {
  /** Milliseconds for the whole survey, 10,000 unless given; 0 waits for ever. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Ends the stream after this many fulfilled answers. */
  readonly quorum?: number | undefined;
  /** The same as a quorum of one. */
  readonly first?: boolean | undefined;
}

const surveyNames = [...askNames, ...audienceNames];
const streamSettings = [...surveyNames, 'quorum', 'first'];

/** How many fulfilled answers end the stream. @throws BusError `ERR_INVALID_ARGUMENT`. */
function quorumOf(settings: SurveyStreamSettings): number {
  checkSettings('surveyStream takes', streamSettings, settings);
  const { first = false, quorum = first ? 1 : Number.POSITIVE_INFINITY } = settings;
  if (quorum === Number.POSITIVE_INFINITY || (Number.isInteger(quorum) && quorum > 0)) return quorum;
  throw new BusError('ERR_INVALID_ARGUMENT', `A quorum is a whole number of answers, 1 or more, not ${String(quorum)}`);
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

/** The surveys of one server; each asks those who are connected when it starts. */
export class Surveys {
  readonly #connections: Connections;
  readonly #options: ResolvedServerOptions;

  constructor(connections: Connections, options: ResolvedServerOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  async all(data: unknown, settings: Given): Promise<SurveyResult<unknown>[]> {
    return this.#gather(settings, (connection, ask) => connection.conversation.request('', data, ask));
  }

  async pings(data: unknown, settings: Given): Promise<SurveyResult<number>[]> {
    const ping = (connection: Connection, ask: AskOptions): Promise<unknown> => connection.conversation.ping(data, ask);
    return this.#gather(settings, ping) as Promise<SurveyResult<number>[]>;
  }

  stream(
    data: unknown,
    settings: SurveyStreamSettings & AudienceSettings<Connection> = {},
  ): AsyncGenerator<SurveyAnswer<Connection, unknown>, void, void> {
    const quorum = quorumOf(settings);
    const { timeout, signal } = settings;
    const options = askOptions({ timeout, signal }, 10_000);
    const members = this.#members(settings, (connection, ask) => connection.conversation.request('', data, ask));
    return surveyAnswers(members, options, quorum, this.#options.clock, this.#options.surveyGraceMs);
  }

  #gather(
    settings: Given,
    ask: (connection: Connection, options: AskOptions) => Promise<unknown>,
  ): Promise<SurveyResult<unknown>[]> {
    const options = askOptions(settings, 10_000, surveyNames);
    const members = this.#members(typeof settings === 'object' ? settings : {}, ask);
    const { clock, surveyGraceMs } = this.#options;
    if (members.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const results = new Map<Connection, SurveyResult<unknown>>();
      askAll(members, options, clock, surveyGraceMs, (answer) => {
        results.set(
          answer.peer,
          answer.status === 'fulfilled'
            ? { status: 'fulfilled', value: answer.value }
            : { status: 'rejected', reason: asBusError(answer.reason, 'ERR_REMOTE') },
        );
        if (results.size < members.length) return;
        resolve(members.flatMap(({ handle }) => results.get(handle) ?? []));
      });
    });
  }

  #members(
    audience: AudienceSettings<Connection>,
    ask: (connection: Connection, options: AskOptions) => Promise<unknown>,
  ): SurveyMember<Connection>[] {
    return [...this.#connections.select(audience)].map((connection) => ({
      handle: connection,
      ask: (options) => ask(connection, options),
      downAt: () => connection.conversation.downAt,
      watchLink: (changed) => this.#connections.watchLink(connection, changed),
    }));
  }
}
