import { checkName } from '../../base/name.ts';
import type { AskSettings, AudienceSettings } from '../call-settings.ts';
import type { Contract, Sendable, ToClient as Out } from '../contract.ts';
import type { SurveyAnswer, SurveyResult, SurveyStreamSettings } from '../survey-answer.ts';
import type { Groups } from './groups.ts';

/** What a group asks of its server. */
export interface GroupServer<C extends Contract, Member> {
  broadcast(data: Sendable<Out<C, 'message'>>, settings: AudienceSettings<Member>): Promise<void>;
  survey(
    data: Sendable<Out<C, 'request'>>,
    settings: AskSettings & AudienceSettings<Member>,
  ): Promise<SurveyResult<Out<C, 'response'>>[]>;
  surveyStream(
    data: Sendable<Out<C, 'request'>>,
    settings: SurveyStreamSettings & AudienceSettings<Member>,
  ): AsyncGenerator<SurveyAnswer<Member, Out<C, 'response'>>, void, void>;
}

/** The connections that have joined a group. It always shows the current members. */
export class Group<C extends Contract, Member> {
  /** The name of the group. */
  readonly name: string;
  readonly #server: GroupServer<C, Member>;
  readonly #groups: Pick<Groups<Member>, 'membersOf'>;

  /** Made by `Server.group` only. */
  constructor(name: string, server: GroupServer<C, Member>, groups: Pick<Groups<Member>, 'membersOf'>) {
    checkName('a group', name);
    this.name = name;
    this.#server = server;
    this.#groups = groups;
  }

  /** The members, in the order in which they joined. */
  get connections(): Member[] {
    return [...this.#groups.membersOf(this.name)];
  }

  /** The number of members. */
  get size(): number {
    return this.#groups.membersOf(this.name).size;
  }

  /** As `Server.broadcast`, to the members; takes `except`. */
  broadcast(data: Sendable<Out<C, 'message'>>, settings: Pick<AudienceSettings<Member>, 'except'> = {}): Promise<void> {
    return this.#server.broadcast(data, { ...settings, to: this.name });
  }

  /** As `Server.survey`, of the members; the outcomes are in the order of `connections`. */
  survey(
    data: Sendable<Out<C, 'request'>>,
    settings: number | (AskSettings & Pick<AudienceSettings<Member>, 'except'>) = {},
  ): Promise<SurveyResult<Out<C, 'response'>>[]> {
    const given = typeof settings === 'number' ? { timeout: settings } : settings;
    return this.#server.survey(data, { ...given, to: this.name });
  }

  /** As `Server.surveyStream`, of the members. */
  surveyStream(
    data: Sendable<Out<C, 'request'>>,
    settings: SurveyStreamSettings & Pick<AudienceSettings<Member>, 'except'> = {},
  ): AsyncGenerator<SurveyAnswer<Member, Out<C, 'response'>>, void, void> {
    return this.#server.surveyStream(data, { ...settings, to: this.name });
  }
}
