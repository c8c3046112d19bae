import { parseArgs } from 'node:util';

export interface Settings {
  readonly port: number;
  readonly door: number;
  readonly bots: number;
  readonly host: string | undefined;
  readonly help: boolean;
}

export const usage = `A world that web pages and bots share.

  node scripts/run.mjs examples/web/main.ts [options]

  --port <n>     where the pages are (8080)
  --door <n>     where pages come to the bus (9001)
  --bots <n>     how many there are, 0 to 1000 (40)
  --host <name>  the address both listen on; this machine's own unless given
  --help         this text
`;

/** Reads the command line; throws an `Error` that says what is wrong with it. */
export function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '8080' },
      door: { type: 'string', default: '9001' },
      bots: { type: 'string', default: '40' },
      host: { type: 'string' },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  return {
    port: count('port', values.port, 65_535),
    door: count('door', values.door, 65_535),
    bots: count('bots', values.bots, 1_000),
    host: values.host,
    help: values.help,
  };
}

function count(name: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw new Error(`--${name} takes a whole number from 0 to ${max}, not "${text}"`);
}
