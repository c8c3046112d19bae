import { flag, type Given, type OptionSpec } from '../base/options.ts';

/** Need not be whole: faults are often drawn at random. */
function amount(unit: string, max: number): OptionSpec<number | undefined> {
  return {
    type: 'number',
    unit,
    range: `0 to ${max}`,
    default: undefined,
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= max,
  };
}

const longestMs = 2_147_483_647;

/** The faults of a proxy's links. */
export const proxyFaults = {
  /** Delay of all bytes. */
  latencyMs: amount('ms', longestMs),
  /** Writes arrive in pieces of 1 to this many bytes. */
  sliceBytes: amount('bytes', Number.POSITIVE_INFINITY),
  /** Most bytes that one direction of a link passes per second. */
  bytesPerSecond: amount('bytes', Number.POSITIVE_INFINITY),
  /** A link is reset after one of its directions has passed this many bytes. */
  cutAfterBytes: amount('bytes', Number.POSITIVE_INFINITY),
  /** Nothing passes, not even a close, until this is `false` again. */
  blackHole: flag({ default: false }),
  /** Delay between the close of one end and its arrival at the other. */
  slowCloseMs: amount('ms', longestMs),
} as const;

type GivenFaults = Given<typeof proxyFaults>;

/** The faults of a proxy's links; a change applies from the next bytes on. */
export type ProxyFaults = { -readonly [Name in keyof GivenFaults]: GivenFaults[Name] };
