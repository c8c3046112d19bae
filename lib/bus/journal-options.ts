import { BusError } from '../base/errors.ts';
import { custom, type Given } from '../base/options.ts';
import type { Journal } from './plugin.ts';

const isJournal = (value: unknown): value is Journal =>
  typeof value === 'object' && value !== null && 'client' in value && 'server' in value;

/** Further options of clients and servers in Node. */
export const journalOptions = {
  /** A journal of `busbar/journal`: durable messages, sent and received, survive the process. */
  journal: custom<Journal | undefined>({ type: 'journal()', default: undefined, accepts: isJournal }),
};

export type JournalOptions = Given<typeof journalOptions>;

/** The other options, and the journal. @throws BusError `ERR_INVALID_OPTION`. */
export function withoutJournal<Options extends object>(
  options: (Options & JournalOptions) | undefined,
): { readonly others: Options | undefined; readonly journal: Journal | undefined } {
  if (typeof options !== 'object' || options?.journal === undefined) return { others: options, journal: undefined };
  const { journal, ...others } = options;
  if (!isJournal(journal))
    throw new BusError('ERR_INVALID_OPTION', 'journal must be the result of journal() of busbar/journal');
  return { others: others as unknown as Options, journal };
}
