import { resolveOptions } from '../../base/options.ts';
import { definePlugin, type Lane, type Plugin, type PluginHost, type PluginInstance } from '../../bus/plugin.ts';
import { ClientCore } from './client-core.ts';
import { ClientTransfers } from './client-transfers.ts';
import { readControl } from './control.ts';
import { Fetches } from './fetches.ts';
import { Caller } from './http/caller.ts';
import { EndpointServer } from './http/endpoint-server.ts';
import { Offers } from './offers.ts';
import { clientOptionTable, type InterserveOptions, serverOptionTable } from './options.ts';
import { transferError } from './outcomes.ts';
import { Pushes } from './pushes.ts';
import { Ready } from './ready.ts';
import { ServerCore } from './server-core.ts';
import { ServerHttp } from './server-http.ts';
import { ServerTransfers } from './server-transfers.ts';
import { Uploads } from './uploads.ts';

/**
 * Large and deferred transfers beside the bus: `server.use(interserve(options))` and `client.use(interserve())`. Options
 * are checked where the plugin is used, because each side has its own.
 */
export function interserve(options: InterserveOptions = {}): Plugin<ServerTransfers, ClientTransfers> {
  return definePlugin({
    name: 'interserve',
    server: (host) => installServer(host, options),
    client: (host) => installClient(host, options),
  });
}

function installServer(host: PluginHost, given: InterserveOptions): PluginInstance<ServerTransfers> {
  const options = resolveOptions('interserve', serverOptionTable, given);
  const core: ServerCore = new ServerCore(options, {
    clock: host.clock,
    random: host.random,
    secure: host.tls !== undefined,
    port: () => server.port,
    tell: (peer, message) => {
      lane.send(peer, message).catch((error: unknown) => host.report(error, peer));
    },
    onRecord: (record) => api.emit('transfer', record),
    report: (error) => host.report(error),
  });
  const lane: Lane = host.lane({
    message(data, peer) {
      const message = readControl(data);
      if (message.op !== 'digest' && message.op !== 'stop') return;
      if (message.way !== 'up') return;
      const transfer = core.ledger.find(peer, 'up', message.transfer);
      if (message.op === 'digest') transfer?.expect(message.digest);
      else transfer?.fail(transferError(message.reason, message.message));
    },
    request(data, context) {
      const message = readControl(data);
      if (message.op !== 'ask') throw transferError('malformed', 'A client asks; it does not offer');
      return uploads.ask(message, context);
    },
  });
  const uploads = new Uploads(core, lane);
  const http = new ServerHttp(core, uploads, ({ socket }) => server.known(socket));
  const server = new EndpointServer({
    // What comes over the bus's own port was decrypted there.
    tls: options.share ? undefined : host.tls,
    timeoutMs: options.timeout * 1000,
    handle: (request, response, expectsContinue) => http.handle(request, response, expectsContinue),
  });
  const api = new ServerTransfers(
    core,
    new Offers(core, lane),
    () => host.peers,
    () => server.port,
  );
  const close = async () => {
    core.ledger.fail(transferError('left'));
    await server.close();
  };
  host.onStart(() => (options.share ? server.listenToAdopted() : server.listen(options.iport, options.host)));
  if (options.share) host.onHttp((socket, head, known) => server.adopt(socket, head, known));
  host.onDisconnect((peer) => core.left(peer));
  host.onClose(close);
  return { api, dispose: close };
}

function installClient(host: PluginHost, given: InterserveOptions): PluginInstance<ClientTransfers> {
  const options = resolveOptions('interserve', clientOptionTable, given);
  const ready = new Ready(host);
  const caller = new Caller({ tls: options.tls ?? host.tls, hosts: options.hosts, bus: () => ready.place });
  const lane = host.lane({
    message(data) {
      const message = readControl(data);
      if (message.op === 'place') pushes.placed(message.transfer, message.place);
      else if (message.op === 'digest') fetches.digest(message.transfer, message.digest);
      else if (message.op === 'stop') {
        const stopped = message.way === 'down' ? fetches : pushes;
        stopped.stop(message.transfer, transferError(message.reason, message.message));
      }
    },
    request(data, context) {
      const message = readControl(data);
      if (message.op !== 'offer') throw transferError('malformed', 'A server offers; it does not ask');
      return fetches.offered(message, context);
    },
  });
  const core = new ClientCore(options, {
    clock: host.clock,
    random: host.random,
    lane,
    caller,
    ready: () => ready.wait(),
    onRecord: (record) => api.emit('transfer', record),
    report: (error) => host.report(error),
  });
  const fetches = new Fetches(core);
  const pushes = new Pushes(core);
  const api = new ClientTransfers(core, pushes);
  const close = () => {
    const left = transferError('left');
    fetches.stopAll(left);
    pushes.stopAll(left);
    caller.close();
  };
  // Pushes that were asked for end with their request; those that were not yet wait for the next session.
  host.onDisconnect(() => fetches.stopAll(transferError('left')));
  host.onClose(close);
  return { api, dispose: close };
}
