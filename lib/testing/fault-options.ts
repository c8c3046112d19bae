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

/** What goes wrong on the links of a proxy. */
export const proxyFaults = {
  /** Bytes are late by so much. */
  latencyMs: amount('ms', longestMs),
  /** What is written arrives in pieces of 1 to so many bytes. */
  sliceBytes: amount('bytes', Number.POSITIVE_INFINITY),
  /** The most that one direction of a link lets through in a second. */
  bytesPerSecond: amount('bytes', Number.POSITIVE_INFINITY),
  /** A link is reset once one of its directions let so many bytes through. */
  cutAfterBytes: amount('bytes', Number.POSITIVE_INFINITY),
  /** Nothing gets through, not even a close, until this is `false` again. */
  blackHole: flag({ default: false }),
  /** A close of one end reaches the other one so much later. */
  slowCloseMs: amount('ms', longestMs),
} as const;

type GivenFaults = Given<typeof proxyFaults>;

/** What goes wrong on the links of a proxy; a change counts from the next bytes on. */
export type ProxyFaults = { -readonly [Name in keyof GivenFaults]: GivenFaults[Name] };
