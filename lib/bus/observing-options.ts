import { BusError } from '../base/errors.ts';
import { custom, type Given } from '../base/options.ts';
import { Redaction } from '../base/redaction.ts';
import { Watchers } from '../session/traffic.ts';
import { publish } from './tracing/diagnostics.ts';
import { FollowedOperations } from './tracing/followed-operations.ts';
import { isLogger, type Logger, PeerLog, warnUnheard } from './logger.ts';
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
  /**
   * Gets one line, a string, for each session that opens, resumes, is lost or ends, each refusal, slow peer and error: `console`, pino, or anything
   * else with `debug`, `info`, `warn` and `error`. What peers chose is cut short, and cannot begin a line.
   */
  logger: custom<Logger | undefined>({
    type: 'logger',
    default: undefined,
    accepts: (value) => value === undefined || isLogger(value),
  }),
};

export type ObservingOptions = Given<typeof observingOptions>;

/**
 * The other options, and what is made of these. `extended`: of a subclass, whose own option `logger` may be anything.
 * `nameOf`: of a server, what a client calls itself.
 * @throws BusError `ERR_INVALID_OPTION`.
 */
export function withoutObserving<Options extends object>(
  options: (Options & ObservingOptions) | undefined,
  extended: boolean,
  nameOf?: (peer: PeerHandle) => string | undefined,
): {
  readonly others: Options | undefined;
  readonly watchers: Watchers<PeerHandle>;
  readonly log: PeerLog | undefined;
} {
  const {
    redact = observingOptions.redact.default,
    logger: given,
    ...others
  }: ObservingOptions = typeof options === 'object' && options !== null ? options : {};
  if (!observingOptions.redact.accepts(redact)) {
    throw new BusError('ERR_INVALID_OPTION', 'Option redact must be a list of up to 256 paths such as card.number');
  }
  const isOurs = observingOptions.logger.accepts(given);
  if (!isOurs && !extended) {
    throw new BusError('ERR_INVALID_OPTION', 'The option logger must have the methods debug, info, warn and error');
  }
  const watchers = new Watchers<PeerHandle>();
  watchers.operations = new FollowedOperations(nameOf === undefined);
  watchers.redaction = new Redaction(redact);
  const log = given && isOurs ? new PeerLog(given, watchers.redaction, nameOf ?? (() => undefined)) : undefined;
  watchers.told = (what, about) => {
    publish(what, about);
    if (log !== undefined) log.write(what, about);
    // Of an attempt to connect that failed, connect() tells, or another one follows.
    else if ('isHeard' in about && !about.isHeard && about.error.code !== 'ERR_CONNECT') warnUnheard(about.error);
  };
  const isPlain = options?.redact === undefined && options?.logger === undefined;
  return { others: isPlain ? options : (others as Options), watchers, log };
}
