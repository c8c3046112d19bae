import { parseArgs } from 'node:util';

export interface Settings {
  readonly seconds: number;
  readonly bots: number;
  readonly arenas: number;
  readonly lag: number;
  readonly networks: readonly ('offline' | 'tcp')[];
  readonly play: boolean;
  readonly help: boolean;
}

export const usage = `A game of several rooms on busbar/channels and busbar/rpc. Bots hunt coins and move from arena to arena.
It is played offline and then over TCP, by the same code, unless one of them is named.

  node scripts/run.mjs examples/arena/main.ts [options]

  --offline      in one process, without a socket
  --tcp          over TCP on this machine
  --seconds <n>  how long each game takes, 1 to 3600 (4)
  --bots <n>     1 to 200 (24)
  --arenas <n>   1 to 100 (3)
  --lag <ms>     of the offline network, 0 to 1000 (20)
  --play         join the first arena with the arrow keys
  --help         this text
`;

/** Reads the command line; throws an `Error` that says what is wrong with it. */
export function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      offline: { type: 'boolean', default: false },
      tcp: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '4' },
      bots: { type: 'string', default: '24' },
      arenas: { type: 'string', default: '3' },
      lag: { type: 'string', default: '20' },
      play: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  const both = values.offline === values.tcp;
  return {
    seconds: count('seconds', values.seconds, 1, 3_600),
    bots: count('bots', values.bots, 1, 200),
    arenas: count('arenas', values.arenas, 1, 100),
    lag: count('lag', values.lag, 0, 1_000),
    networks: both ? ['offline', 'tcp'] : values.tcp ? ['tcp'] : ['offline'],
    play: values.play,
    help: values.help,
  };
}

function count(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
}
