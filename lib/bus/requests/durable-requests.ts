import { BusError } from '../../base/errors.ts';
import { fromFailure } from '../../base/failure.ts';
import { isName } from '../../base/name.ts';
import { checkSettings, checkSwitch } from '../../base/options.ts';
import { askOptions, type RequestSettings } from '../call-settings.ts';
import type { DurableAskOptions, DurableRequestContext } from '../durable.ts';
import { IncomingRequest } from './incoming.ts';
import type { PeerHandle } from '../lane.ts';

const names = ['timeout', 'signal', 'idempotent', 'durable', 'key'];

/** What a request with the setting `durable` is; undefined for one that is not durable. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function durableAskOptions(given: RequestSettings): DurableAskOptions | undefined {
  checkSettings('A request takes a timeout in milliseconds or', names, given);
  const { durable, key, timeout, signal, idempotent = true } = given;
  checkSwitch('durable', durable);
  checkSwitch('idempotent', idempotent);
  if (durable !== true) return undefined;
  if (!idempotent) throw new BusError('ERR_INVALID_ARGUMENT', 'A durable request is idempotent');
  if (key !== undefined && !isName(key)) {
    const text = 'The key of a request is a string of 1 to 256 bytes, without lone surrogates';
    throw new BusError('ERR_INVALID_ARGUMENT', text);
  }
  return { key, ...askOptions({ timeout, signal }, 10_000) };
}

/** A request that came by a journal: who asked may be away, and its answer is waited for by the journal. */
export class DurableRequest extends IncomingRequest<PeerHandle> implements DurableRequestContext {
  readonly key: string;
  readonly redelivered: boolean;
  readonly answer: Promise<unknown>;

  constructor(peer: PeerHandle | undefined, { key, redelivered }: DurableRequestContext) {
    let resolve!: (answer: unknown) => void;
    let reject!: (error: BusError) => void;
    const answer = new Promise<unknown>((done, failed) => {
      resolve = done;
      reject = failed;
    });
    const answerer = {
      // As the connection of a message, it is undefined while its sender is away.
      handle: peer as PeerHandle,
      running: 0,
      now: () => 0,
      answer: (_request: IncomingRequest, data: unknown) => resolve(data),
      answerFailure: (_request: IncomingRequest, failure: Parameters<typeof fromFailure>[0]) =>
        reject(fromFailure(failure)),
    };
    super(answerer, '', 0, Number.POSITIVE_INFINITY);
    this.key = key;
    this.redelivered = redelivered;
    this.answer = answer;
  }
}
