import { BusError } from '../base/errors.ts';
import { custom, type Given } from '../base/options.ts';
import { Redaction } from '../base/redaction.ts';
import { Watchers } from '../session/traffic.ts';
import { publish } from './diagnostics.ts';
import type { PeerHandle } from './plugin.ts';

const mostPaths = 256;
const isPath = (value: unknown): boolean => typeof value === 'string' && /^[^.]+(?:\.[^.]+)*$/.test(value);

/** What clients and servers in Node take besides, for those who look at them. */
export const observingOptions = {
  /**
   * Names of members that nobody who looks gets to see, such as `password`; `card.number` is the `number` of each `card`. They are masked
   * before they leave the process, however deep they are, where messages are shown, traced or logged. Up to 256.
   */
  redact: custom<readonly string[]>({
    type: 'paths',
    default: [],
    accepts: (value) => Array.isArray(value) && value.length <= mostPaths && value.every(isPath),
  }),
};

export type ObservingOptions = Given<typeof observingOptions>;

/** The other options, and what is made of these. @throws BusError `ERR_INVALID_OPTION`. */
export function withoutObserving<Options extends object>(
  options: (Options & ObservingOptions) | undefined,
): { readonly others: Options | undefined; readonly watchers: Watchers<PeerHandle> } {
  const watchers = new Watchers<PeerHandle>();
  watchers.told = publish;
  if (typeof options !== 'object' || options === null) return { others: options, watchers };
  const { redact = observingOptions.redact.default, ...others } = options;
  if (!observingOptions.redact.accepts(redact)) {
    throw new BusError('ERR_INVALID_OPTION', 'Option redact must be a list of up to 256 paths such as card.number');
  }
  watchers.redaction = new Redaction(redact);
  return { others: options.redact === undefined ? options : (others as unknown as Options), watchers };
}
