import { asBusError, BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import type { AskOptions, PeerHandle, SurveyAnswer } from '../../bus/plugin.ts';
import { CallOptions, usualAsk } from './call-options.ts';
import { type BusEnd, endOf, type ResolvedBus } from './end.ts';
import { type EveryoneOptions, everyoneTable } from './everyone-options.ts';
import { endStreamsIn } from './exported-stream.ts';
import { kind } from './frame.ts';
import { members } from './members.ts';
import type { Arguments, Methods, Result } from './method-types.ts';
import { travels } from './references.ts';

/** The objects that the clients of a server offer, called all at once. */
export interface Everyone<Contract, Peer = PeerHandle> {
  /** One way, encoded once; resolves as `Server.broadcast` does. Clients that take no calls are passed over. */
  readonly $notify: {
    readonly [Name in keyof Methods<Contract>]: (...args: Arguments<Contract[Name]>) => Promise<void>;
  };
  /** Resolves with the answers of all who are meant, in their order, with the `peer` of each. */
  readonly $survey: {
    readonly [Name in keyof Methods<Contract>]: (
      ...args: [...Arguments<Contract[Name]>, options?: CallOptions]
    ) => Promise<SurveyAnswer<Peer, Result<Contract[Name]>>[]>;
  };
}

/**
 * The object that every client of `server` offers, or each of those that `to` and `except` mean: they are looked at with
 * each call. Calls take data alone, no functions and streams (`ERR_UNENCODABLE`); answers may hold them. An answer is
 * rejected with the code its method failed with, `ERR_TIMEOUT` (after 10 s unless `callOptions` say otherwise),
 * `ERR_CLOSED` of a client that is gone or was without a link for `surveyGraceMs`, or `ERR_PEER_LACKS_FEATURE`.
 * Throws `ERR_INVALID_ARGUMENT` for what is no `Server`, or for an invalid `to` or `except`.
 */
export function everyone<Contract extends object, Peer extends PeerHandle = PeerHandle>(
  server: BusEnd,
  options: EveryoneOptions = {},
): Everyone<Contract, Peer> {
  const { id, ...audience } = resolveOptions('everyone()', everyoneTable, options);
  const end = endOf(server);
  if (end.type === 'channel' || end.peer !== undefined) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'everyone() needs a Server');
  }
  const chosen = (): PeerHandle[] => [...end.select(audience)];
  chosen();
  const $notify = members(
    (name) =>
      (...args) =>
        tell(end, chosen, id, name, args),
  );
  const $survey = members(
    (name) =>
      (...args) =>
        ask(end, chosen, id, name, args),
  );
  return { $notify, $survey } as Everyone<Contract, Peer>;
}

type Choice = () => PeerHandle[];

async function tell(
  end: ResolvedBus,
  chosen: Choice,
  id: number,
  name: string,
  args: readonly unknown[],
): Promise<void> {
  checkData(args);
  const listening = chosen().filter(({ delivery }) => delivery !== 'legacy');
  await end.lane.broadcast(listening, [kind.notify, [id, name, null, ...args]]);
}

async function ask(
  end: ResolvedBus,
  chosen: Choice,
  id: number,
  name: string,
  given: readonly unknown[],
): Promise<SurveyAnswer<PeerHandle, unknown>[]> {
  const last = given[given.length - 1];
  const args = last instanceof CallOptions ? given.slice(0, -1) : given;
  const { timeoutMs, signal, idempotent }: AskOptions = last instanceof CallOptions ? last.ask : usualAsk;
  checkData(args);
  if (idempotent) throw new BusError('ERR_INVALID_ARGUMENT', 'A call to many peers cannot be idempotent');
  // An answer may be read when its session is over.
  const sessions = new Map(chosen().map((peer) => [peer, end.hub.session(peer)]));
  const answers = await end.lane.survey(sessions.keys(), [id, name, null, ...args], {
    timeout: timeoutMs ?? 0,
    signal,
    unclaimed: (answer, peer) => end.hub.session(peer).unclaimed(answer),
  });
  return answers.map((answer) => {
    if (answer.status === 'rejected') return answer;
    const { peer } = answer;
    try {
      return { peer, status: 'fulfilled', value: sessions.get(peer)?.settle(answer.value) };
    } catch (error) {
      return { peer, status: 'rejected', reason: asBusError(error, 'ERR_REMOTE') };
    }
  });
}

/** Many would share what is lent to one. */
function checkData(args: readonly unknown[]): void {
  let isData = false;
  try {
    isData = travels(args);
  } finally {
    if (!isData) endStreamsIn(args);
  }
  if (!isData) throw new BusError('ERR_UNENCODABLE', 'Functions and streams can be passed to one peer only');
}
