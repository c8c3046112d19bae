import { parseArgs } from 'node:util';

export interface Settings {
  readonly port: number;
  readonly gatewayPort: number;
  readonly bots: number;
  readonly host: string | undefined;
  readonly help: boolean;
}

export const usage = `A world that web pages and bots share.

  node scripts/run.mjs examples/web/main.ts [options]

  --port <n>          the port of the pages (8080)
  --gateway-port <n>  the port of the gateway (9001)
  --bots <n>          number of bots, 0 to 1000 (40)
  --host <name>       the address both listen on (default: this machine's own)
  --help              this text
`;

/** Reads the command line; throws an `Error` that says what is wrong with it. */
export function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '8080' },
      'gateway-port': { type: 'string', default: '9001' },
      bots: { type: 'string', default: '40' },
      host: { type: 'string' },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  return {
    port: count('port', values.port, 65_535),
    gatewayPort: count('gateway-port', values['gateway-port'], 65_535),
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
