import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { askOptions, type SurveyStreamSettings } from '../../../bus/plugin.ts';
import type { Audience, WorldAudienceSettings } from './audience.ts';
import { readAnswering } from './verbs.ts';
import { type Reach, reaching } from './world-peer.ts';
import { type WorldAnswer, WorldSurvey } from './world-survey.ts';

export type WorldSurveyStreamSettings = SurveyStreamSettings & WorldAudienceSettings;

export interface WorldSurveysOptions {
  readonly clock: Clock;
  readonly reach: Reach;
  /** All who are to be asked, by their nodes. @throws BusError `ERR_CLOSED`. */
  nodes(): readonly string[];
  audience(call: string, names: readonly string[], settings: WorldAudienceSettings): Audience;
}

/** The surveys that this node asks. */
export class WorldSurveys {
  readonly #options: WorldSurveysOptions;
  readonly #open = new Map<number, WorldSurvey>();
  #number = 0;

  constructor(options: WorldSurveysOptions) {
    this.#options = options;
  }

  /** Nothing will come from a node any more. */
  lost(node: string, error: BusError): void {
    for (const survey of this.#open.values()) survey.lost(node, error);
  }

  /** As `World.surveyStream`; `call` and the names of its settings are for errors. */
  async *stream(
    call: string,
    names: readonly string[],
    data: unknown,
    settings: WorldSurveyStreamSettings,
  ): AsyncGenerator<WorldAnswer, void, void> {
    const audience = this.#options.audience(call, names, settings);
    const { timeout, signal, first = false, quorum = first ? 1 : Infinity } = settings;
    const { timeoutMs } = askOptions({ timeout, signal }, 10_000);
    if (quorum !== Infinity && !(Number.isInteger(quorum) && quorum > 0)) {
      throw new BusError('ERR_INVALID_ARGUMENT', `A quorum must be an integer of 1 or more, not ${String(quorum)}`);
    }
    const nodes = this.#options.nodes();
    const { clock, reach } = this.#options;
    this.#number += 1;
    const number = this.#number;
    const survey = new WorldSurvey(
      {
        clock,
        timeoutMs,
        signal,
        enough: (node) => {
          const tell = reaching(reach, node, ({ lane, client }) => lane.send(client, ['enough', number]));
          tell.catch(() => {});
        },
      },
      nodes,
    );
    this.#open.set(number, survey);
    for (const node of nodes) this.#ask(survey, node, number, audience, timeoutMs, data);
    let fulfilled = 0;
    try {
      for await (const answer of survey.answers) {
        if (answer.status === 'fulfilled') fulfilled += 1;
        yield answer;
        if (fulfilled >= quorum) return;
      }
    } finally {
      this.#open.delete(number);
      await survey.answers.return?.();
    }
  }

  #ask(
    survey: WorldSurvey,
    node: string,
    number: number,
    { to, except }: Audience,
    timeoutMs: number | undefined,
    data: unknown,
  ): void {
    const question = ['survey', number, to, except, timeoutMs, data];
    const ask = reaching(this.#options.reach, node, ({ lane, client }) =>
      lane.request(client, question, { timeout: 0 }),
    );
    ask.catch((error: unknown) => survey.lost(node, error));
  }

  /** A node says what a client of its answered. */
  answered(data: unknown, from: string): void {
    const answer = readAnswering(data);
    const survey = this.#open.get(answer[1]);
    if (answer[0] === 'asked') survey?.asked(from, answer[2]);
    else survey?.answered(from, answer);
  }
}
