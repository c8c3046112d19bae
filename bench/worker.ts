import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ClientEnd, Handlers, ServerEnd } from './adapters/adapter.ts';
import { adapterCalled } from './adapters/index.ts';
import type { Command, Numbers, Params } from './control/commands.ts';
import { Line } from './control/line.ts';
import { Counter } from './counter.ts';
import { processMemory } from './process-memory.ts';
import { loadAnew } from './load-anew.ts';
import { scenarioCalled } from './scenarios/index.ts';

// node worker.js server|clients ADAPTER SCENARIO ADDRESS DESK: one end of a run, commanded over the socket DESK.

const [role = '', adapterName = '', scenarioName = '', address = '', desk = ''] = process.argv.slice(2);
const adapter = adapterCalled(adapterName);
const scenario = scenarioCalled(scenarioName);
const messages = new Counter();
const handlers: Handlers = {
  message: () => messages.add(),
  request: (data) => data,
};

let server: ServerEnd | undefined;
const clients: ClientEnd[] = [];

async function more(count: number): Promise<void> {
  while (clients.length < count) clients.push(await adapter.connect(address, handlers));
}

async function open({ clients: count = 0 }: Params): Promise<Numbers> {
  if (role === 'server') server = await adapter.serve(address, handlers);
  else await more(Number(count));
  return { nodeMajor: Number(process.versions.node.split('.')[0]) };
}

function spawnClients(): Promise<Numbers> {
  adapter.spawn?.(fileURLToPath(import.meta.url), ['clients', adapterName, scenarioName, address, desk]);
  return Promise.resolve({});
}

function cpu(): Promise<Numbers> {
  const { user, system } = process.cpuUsage();
  return Promise.resolve({ cpuUs: user + system });
}

async function run({ call, params }: Command): Promise<Numbers> {
  switch (call) {
    case 'open':
      return open(params);
    case 'spawnClients':
      return spawnClients();
    case 'memory':
      return processMemory(params['reset'] === true);
    case 'cpu':
      return cpu();
    case 'cut':
      server?.cut?.();
      return {};
    case 'startUp':
      return loadAnew(adapter.loads ?? '', Number(params['rounds']));
    default:
      return ownCommand(call, params);
  }
}

/** A command of the scenario's own. */
async function ownCommand(call: string, params: Params): Promise<Numbers> {
  if (server !== undefined) {
    const command = scenario.serverCommands?.[call];
    if (command === undefined) throw new Error(`The server has no command "${call}"`);
    return command({ end: server, messages }, params);
  }
  const command = scenario.clientCommands?.[call];
  if (command === undefined) throw new Error(`The clients have no command "${call}"`);
  return command({ ends: clients, messages, more }, params);
}

const socket = connect(desk, () => line.say({ name: role }));
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
