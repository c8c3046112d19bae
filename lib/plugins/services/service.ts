import type { BusError } from '../../base/errors.ts';
import { checkName } from '../../base/name.ts';
import type { AskOptions } from '../../bus/plugin.ts';
import { type Arguments, CallOptions, members, type Methods, type Result, usualAsk } from '../rpc/internal.ts';
import type { Member } from './member.ts';

/** A caller waits this much longer for a survey than the survey waits for each member. */
export const surveyGraceMs = 2_000;

/** What one member answered to a survey. */
export type MemberAnswer<Value> =
  | { readonly member: Member; readonly status: 'fulfilled'; readonly value: Value; readonly reason?: undefined }
  | { readonly member: Member; readonly status: 'rejected'; readonly value?: undefined; readonly reason: BusError };

type Calls<Contract> = {
  readonly [Name in keyof Methods<Contract>]: (
    ...args: [...Arguments<Contract[Name]>, options?: CallOptions]
  ) => Promise<Result<Contract[Name]>>;
};
type Notes<Contract> = {
  readonly [Name in keyof Methods<Contract>]: (...args: Arguments<Contract[Name]>) => Promise<void>;
};
type Surveys<Contract> = {
  readonly [Name in keyof Methods<Contract>]: (
    ...args: [...Arguments<Contract[Name]>, options?: CallOptions]
  ) => Promise<MemberAnswer<Result<Contract[Name]>>[]>;
};

/** One key of a service. */
export interface ServiceKey<Contract> {
  /** Calls its owner; calls to one key arrive in the order they were made, over moves too. */
  readonly call: Calls<Contract>;
  /** One way, in order with the calls; resolves when the session has accepted it. */
  readonly notify: Notes<Contract>;
}

/** A service by its name; any member may offer it. */
export interface Service<Contract> {
  /**
   * Calls one member. Rejects with the code the method failed with, `ERR_NO_SERVICE`, `ERR_NO_METHOD`, `ERR_QUEUE_FULL`,
   * `ERR_SESSION_LOST` when the member that had begun it is gone, `ERR_TIMEOUT` (after 10 s unless `callOptions` say
   * otherwise), `ERR_ABORTED`, or `ERR_INVALID_ARGUMENT` for a service with keys.
   */
  readonly call: Calls<Contract>;
  /** One way, to one member; resolves when the session has accepted it. */
  readonly notify: Notes<Contract>;
  /** Calls all members that offer it; resolves their answers, none where nobody does. Takes data alone. */
  readonly survey: Surveys<Contract>;
  /** @throws BusError `ERR_INVALID_ARGUMENT` for anything but a text of 1 to 256 bytes. */
  key(key: string): ServiceKey<Contract>;
}

/** How calls get on their way. */
export interface ServiceCaller {
  call(
    service: string,
    key: string | undefined,
    method: string,
    args: readonly unknown[],
    ask: AskOptions,
  ): Promise<unknown>;
  notify(service: string, key: string | undefined, method: string, args: readonly unknown[]): Promise<void>;
  survey(service: string, method: string, args: readonly unknown[], ask: AskOptions): Promise<MemberAnswer<unknown>[]>;
}

/** @throws BusError `ERR_INVALID_ARGUMENT` for what is not a name. */
export function serviceBy<Contract extends object>(caller: ServiceCaller, name: string): Service<Contract> {
  checkName('a service', name);
  const survey = members((method) => (...given) => {
    const [args, ask] = asked(given);
    return caller.survey(name, method, args, ask);
  });
  const key = (one: string): object => {
    checkName('a key', one);
    return callsOf(caller, name, one);
  };
  return { ...callsOf(caller, name, undefined), survey, key } as Service<Contract>;
}

function callsOf(caller: ServiceCaller, service: string, key: string | undefined): { call: object; notify: object } {
  return {
    call: members((method) => (...given) => {
      const [args, ask] = asked(given);
      return caller.call(service, key, method, args, ask);
    }),
    notify: members(
      (method) =>
        (...args) =>
          caller.notify(service, key, method, args),
    ),
  };
}

function asked(given: readonly unknown[]): [args: readonly unknown[], ask: AskOptions] {
  const last = given[given.length - 1];
  return last instanceof CallOptions ? [given.slice(0, -1), last.ask] : [given, usualAsk];
}
