import { parseArgs } from 'node:util';

export interface Settings {
  readonly seconds: number;
  readonly bots: number;
  readonly tcp: boolean;
  readonly help: boolean;
}

/** Parts of the map. */
export const areaCount = 16;
/** Processes that share them. */
export const zoneCount = 4;
/** Processes that bots are in, and groups of them. */
export const botProcesses = 4;
/** What many bots do while areas have no owner: seconds of it, on a machine that has much to do. */
export const mostWaiting = 200_000;

/** Stopping waits for everything in flight, which may be much with many bots. */
export const longMs = 120_000;

export const usage = `A game back end on busbar: a world, ${zoneCount} zones and many bots, each a process of its own or one
among a few in theirs. A zone is killed and comes back, each of these processes is replaced by
another one, in turn, and then their hub with all of them. At the end everything is counted.

  npm start -- [options]

  --seconds <n>  how long the bots play, 2 to 3600 (10)
  --bots <n>     how many there are, 1 to 500 (40)
  --tcp          over TCP on this machine rather than over unix sockets
  --help         this text
`;

/** Reads the command line; throws an `Error` that says what is wrong with it. */
export function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '10' },
      bots: { type: 'string', default: '40' },
      tcp: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  return {
    seconds: count('seconds', values.seconds, 2, 3_600),
    bots: count('bots', values.bots, 1, 500),
    tcp: values.tcp,
    help: values.help,
  };
}

function count(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
}
