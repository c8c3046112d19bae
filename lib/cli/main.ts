#!/usr/bin/env node
import process from 'node:process';
import { version } from '../plugins/dispatch/version.ts';
import { dispatchCommand } from './dispatch.ts';
import { fleetCommands } from './fleet/commands.ts';
import { journalCommand } from './journal.ts';
import type { Surroundings } from './surroundings.ts';

const commands: Readonly<Record<string, (args: readonly string[], around: Surroundings) => Promise<number>>> = {
  dispatch: dispatchCommand,
  journal: journalCommand,
  ...fleetCommands,
};

const usage = `usage: busbar COMMAND [OPTIONS]

commands:
  run         a fleet of processes, by busbar.config.js; then status, restart, scale, logs, stop
  dispatch    TCP and UDP ports on demand, streamed to drivers over WebSockets
  journal     what is in the folder of a journal

busbar COMMAND --help tells the options of a command, busbar --version the version.
`;

const around: Surroundings = {
  environment: process.env,
  out: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
  onSignal(listener) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => listener(signal));
  },
};

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version' || name === '-v') {
    around.out(`${version}\n`);
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h') {
    around.out(usage);
    return name === undefined ? 1 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    around.complain(`busbar: there is no command "${name}"\n\n${usage}`);
    return 1;
  }
  return command(rest, around);
}

// Whoever reads our output may leave before us; that is no failure of the command.
process.stdout.on('error', () => undefined);
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
