import { asBusError } from '../base/errors.ts';
import { type AskOptions, type AskSettings, askOptions } from './ask-options.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { ResolvedServerOptions } from './options.ts';
import {
  askAll,
  quorumOf,
  type SurveyAnswer,
  type SurveyMember,
  type SurveyResult,
  type SurveyStreamSettings,
  surveyAnswers,
} from './survey.ts';

/** The surveys of one server; each asks those who are connected when it starts. */
export class Surveys {
  readonly #connections: Connections;
  readonly #options: ResolvedServerOptions;

  constructor(connections: Connections, options: ResolvedServerOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  async all(data: unknown, settings: number | AskSettings | undefined): Promise<SurveyResult<unknown>[]> {
    const options = askOptions(settings, 10_000);
    return this.#gather(options, (connection, ask) => connection.conversation.request('', data, ask));
  }

  async pings(data: unknown, settings: number | AskSettings | undefined): Promise<SurveyResult<number>[]> {
    const options = askOptions(settings, 10_000);
    const ping = (connection: Connection, ask: AskOptions): Promise<unknown> => connection.conversation.ping(data, ask);
    return this.#gather(options, ping) as Promise<SurveyResult<number>[]>;
  }

  stream(
    data: unknown,
    settings: SurveyStreamSettings = {},
  ): AsyncGenerator<SurveyAnswer<Connection, unknown>, void, void> {
    const quorum = quorumOf(settings);
    const { timeout, signal } = settings;
    const options = askOptions({ timeout, signal }, 10_000);
    const members = this.#members((connection, ask) => connection.conversation.request('', data, ask));
    return surveyAnswers(members, options, quorum, this.#options.clock, this.#options.surveyGraceMs);
  }

  #gather(
    options: AskOptions,
    ask: (connection: Connection, options: AskOptions) => Promise<unknown>,
  ): Promise<SurveyResult<unknown>[]> {
    const members = this.#members(ask);
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

  #members(ask: (connection: Connection, options: AskOptions) => Promise<unknown>): SurveyMember<Connection>[] {
    return [...this.#connections.all].map((connection) => ({
      handle: connection,
      ask: (options) => ask(connection, options),
      downAt: () => connection.conversation.downAt,
      watchLink: (changed) => this.#connections.watchLink(connection, changed),
    }));
  }
}
