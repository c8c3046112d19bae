import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Command, Numbers } from './control/commands.ts';
import { Line } from './control/line.ts';
import { processMemory } from './process-memory.ts';
import { scenarioCalled } from './scenarios/index.ts';
import type { Commands } from './scenarios/scenario.ts';

// node worker.js PART PEER SCENARIO ADDRESS DESK: one process of a run, commanded over the socket DESK.

const [part = '', ...rest] = process.argv.slice(2);
if (rest.length !== 4) {
  process.stderr.write('usage: node worker.js PART PEER SCENARIO ADDRESS DESK\n');
  process.exit(2);
}
const [peer = '', scenarioName = '', address = '', desk = ''] = rest;

function cpu(): Numbers {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system };
}

function commandsOf(): Commands {
  const make = scenarioCalled(scenarioName).parts[part];
  if (make === undefined) throw new Error(`${scenarioName} has no part "${part}"`);
  const program = (other: string): { file: string; args: readonly string[] } => ({
    file: fileURLToPath(import.meta.url),
    args: [other, ...rest],
  });
  return {
    memory: ({ reset }) => processMemory(reset === true),
    cpu,
    ...make({ peer, address, program }),
  };
}

const commands = commandsOf();

async function run({ call, params }: Command): Promise<Numbers> {
  const command = commands[call];
  if (command === undefined) throw new Error(`"${part}" has no command "${call}"`);
  return command(params);
}

const socket = connect(desk, () => line.say({ name: part }));
// The bench is gone, or done with this run.
socket.on('close', () => process.exit());
socket.on('error', () => process.exit(1));
const line = new Line(socket, (value) => {
  const command = value as Command;
  run(command).then(
    (result) => line.say({ id: command.id, result }),
    (error: unknown) => line.say({ id: command.id, error: error instanceof Error ? `${error.stack}` : String(error) }),
  );
});
