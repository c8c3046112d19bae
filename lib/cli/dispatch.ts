import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { BusError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { systemClock } from '../base/system-clock.ts';
import { textOf } from '../base/thrown.ts';
import type { Authorize } from '../bus/contract.ts';
import { Server } from '../bus/node-server.ts';
import { notifySystemd } from '../bus/process/systemd.ts';
import { type DispatchOptions, dispatch, type LogEvent } from '../plugins/dispatch/index.ts';
import { DispatchService } from '../plugins/dispatch/service.ts';
import { TokenAuth } from '../plugins/dispatch/token-auth.ts';
import { version } from '../base/version.ts';
import { probe } from './health-probe.ts';
import { parseAddress } from '../transport/address.ts';
import type { Given, Program } from './program.ts';
import type { Surroundings } from './surroundings.ts';

const environmentHelp = `
environment:
  PLACE_SERVER_SECRET      the token of drivers; needed in production
  SERVER_SECRET            the same, where PLACE_SERVER_SECRET is not set
  SG_SERVER_PORT           port of the WebSocket server, where --port is not given
  SG_SERVER_HOST           address it listens on, where --host is not given
  SG_ENV                   "production" for a log without debug lines, and no default secret
`;

const routes = `GET /api/server                  statistics
GET /api/server/healthz          200, without a token
GET /api/server/version          service and version, without a token
GET /api/server/metrics          counts, as Prometheus text
WS  /api/server/tcp_dispatch     bearer_token, port, accept
WS  /api/server/udp_dispatch     bearer_token, port, accept, multicast
WS  /api/server/tls_dispatch     bearer_token, port, accept, private_key, certificate
The same under /api/dispatch/v1.
`;

const noWorkers = '-w is not supported: ports, ids and statistics belong to one process';

interface Values {
  readonly port?: string;
  readonly host?: string;
  readonly bus?: string;
  readonly deviceHost?: string;
  readonly proxies?: string;
  readonly tlsKey?: string;
  readonly tlsCert?: string;
  readonly check?: string;
  readonly workers?: string;
  readonly routes?: true;
  readonly version?: true;
}

/** `busbar dispatch`: runs until a signal asks it to end, then closes in order. */
export function addDispatch(program: Program): void {
  const { around } = program;
  const act = async ({ values }: Given<Values>): Promise<number> => {
    try {
      if (values.workers !== undefined) throw new BusError('ERR_INVALID_ARGUMENT', noWorkers);
      if (values.version) around.out(`${version}\n`);
      else if (values.routes) around.out(routes);
      else if (values.check !== undefined) return await probe(values.check, around.complain);
      else await run(values, around);
      return 0;
    } catch (error) {
      around.complain(`busbar dispatch: ${textOf(error)}\n`);
      return 1;
    }
  };
  program
    .command('dispatch', 'open TCP and UDP ports on demand, and stream them to drivers over WebSockets', act, {
      usageCode: 1,
    })
    .option('-p, --port <port>', 'port of the WebSocket server (SG_SERVER_PORT, 3000)')
    .option('-b, --host <address>', 'address it listens on (SG_SERVER_HOST, 127.0.0.1)')
    .option(
      '--bus <address>',
      'also a bus server, at unix:/path or tcp:host:port, for drivers on the bus; except on a socket file they give the token to connect(), as { token }',
    )
    .option('--device-host <address>', 'address that device ports listen on (::)')
    .option('--proxies <list>', 'load balancers whose TCP connections begin with a PROXY header')
    .option('--tls-key <file>', 'key of TLS ports, PEM, with --tls-cert; a self-signed one is made otherwise')
    .option('--tls-cert <file>', 'certificate of TLS ports, PEM')
    .option('-c, --check <url>', 'ask a running dispatcher how it is: exit code 0, 1 or 2')
    .option('-r, --routes', 'list the routes')
    .option('-v, --version', 'tell the version')
    .addOption(new Option('-w, --workers <number>').hideHelp())
    .addHelpText('after', environmentHelp);
}

async function run(values: Values, around: Surroundings): Promise<void> {
  const signalled = new Promise<string>((resolve) => around.onSignal(resolve));
  const isProduction = around.environment['SG_ENV'] === 'production';
  const log = (event: LogEvent): void => {
    if (isProduction && event.level === 'debug') return;
    around.out(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
  };
  const options = await optionsOf(values, around.environment, log);
  const close =
    values.bus === undefined ? await runAlone(options, around) : await runOnBus(options, values.bus, around, log);
  void notifySystemd();
  log({ level: 'info', event: 'signal', signal: await signalled });
  await close();
}

async function runAlone(options: DispatchOptions, { environment }: Surroundings): Promise<() => Promise<void>> {
  const service = new DispatchService(options, {
    clock: systemClock,
    random: systemRandom,
    environment,
    tls: undefined,
  });
  await service.start();
  return () => service.close();
}

async function runOnBus(
  options: DispatchOptions,
  url: string,
  { environment }: Surroundings,
  log: (event: LogEvent) => void,
): Promise<() => Promise<void>> {
  const server = new Server({ url, authorize: authorizeBy(url, environment) });
  server.on('error', (error) => log({ level: 'warn', event: 'bus_failed', code: error.code, error: error.message }));
  server.use(dispatch(options));
  await server.start();
  log({ level: 'info', event: 'bus_listening', address: url });
  return async () => {
    await server.close();
  };
}

/** A socket file admits its owner; elsewhere drivers pass the token to `connect()`, as `{ token }`. */
function authorizeBy(url: string, environment: NodeJS.ProcessEnv): Authorize | undefined {
  const address = parseAddress(url);
  if (address.kind === 'unix') return undefined;
  const gate = TokenAuth.of(undefined, environment, systemRandom);
  if ('host' in address) gate.checkHost(address.host);
  return (payload) =>
    typeof payload === 'object' && payload !== null && 'token' in payload && gate.knows(payload.token);
}

async function optionsOf(
  values: Values,
  environment: NodeJS.ProcessEnv,
  log: DispatchOptions['log'],
): Promise<DispatchOptions> {
  const { tlsKey: keyFile, tlsCert: certFile } = values;
  if ((keyFile === undefined) !== (certFile === undefined)) {
    throw new BusError('ERR_INVALID_ARGUMENT', '--tls-key and --tls-cert go together');
  }
  const tls =
    keyFile === undefined || certFile === undefined
      ? undefined
      : { key: await readPem(keyFile), cert: await readPem(certFile) };
  return {
    port: portOf(values.port ?? environment['SG_SERVER_PORT'] ?? '3000'),
    host: values.host ?? environment['SG_SERVER_HOST'],
    deviceHost: values.deviceHost,
    proxies: values.proxies,
    tls,
    log,
  };
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new BusError('ERR_INVALID_ARGUMENT', `"${text}" is not a port`);
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new BusError('ERR_INVALID_ARGUMENT', `${path} cannot be read`, { cause: error });
  }
}
