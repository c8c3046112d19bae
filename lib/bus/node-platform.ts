import process from 'node:process';
import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { linuxProcesses } from '../base/process-table.ts';
import { Slab } from '../base/slab.ts';
import { systemClock } from '../base/system-clock.ts';
import type { SessionDialect } from '../session/dialect.ts';
import { resolveAddress } from '../transport/address.ts';
import { dialer } from '../transport/dial.ts';
import type { Link, PeerCredentials } from '../transport/link.ts';
import { checkListenable, listen } from '../transport/listen.ts';
import { checkCredentials } from '../transport/net-listener.ts';
import { KernelCredentials } from '../transport/peer-credentials.ts';
import { Challenge, Prover } from '../transport/proof.ts';
import { OwnContracts } from '../wire/contracts.ts';
import { createDeflater, createInflater } from '../wire/fast-zlib.ts';
import { NetIpcDecoder } from '../wire/net-ipc/net-ipc-decoder.ts';
import { NetIpcEncoder } from '../wire/net-ipc/net-ipc-encoder.ts';
import type { ClientPlatform, Platform, Proof, ServerPlatform } from './platform.ts';
import { ProcessWatch } from './process/process-watch.ts';

/** One for all clients and servers here, so that one look serves all who lost their links to one process. */
const ownWatch = new ProcessWatch(systemClock, linuxProcesses);
const watchOf = (clock: Clock): ProcessWatch =>
  clock === systemClock ? ownWatch : new ProcessWatch(clock, linuxProcesses);

const platform: Platform = {
  compression: { deflater: () => createDeflater(), inflater: createInflater },
  netIpcDialect({ messagepack, deflater, inflater, contracts }, { maxMessageBytes, maxDepth }): SessionDialect {
    const slab = new Slab();
    return {
      reliable: false,
      handles: false,
      traces: false,
      slab,
      encoder: new NetIpcEncoder({ slab, messagepack, deflater, contracts, maxFrameBytes: maxMessageBytes }),
      decoder: new NetIpcDecoder({ messagepack, inflater, maxFrameBytes: maxMessageBytes, maxDepth }),
    };
  },
  contracts: ({ contracts, maxDepth }) =>
    contracts &&
    new OwnContracts(
      contracts.map(({ codec }) => codec),
      maxDepth,
    ),
  ...(process.platform === 'linux' && { processes: watchOf }),
};

const prover = new Prover();
/** Answers the server at the peer of `link`. */
export const proveOver = (link: Link | undefined, question: unknown): Proof =>
  link?.kind === 'unix'
    ? prover.prove(question, link.remote)
    : { answer: { refused: 'this is not a unix socket' }, done() {} };

const kernel = new KernelCredentials();

/** A link has the same peer as long as it is open. */
const identified = new WeakMap<Link, Promise<PeerCredentials>>();

function identify(link: Link, ask: (question: unknown) => Promise<unknown>): Promise<PeerCredentials> {
  const known = identified.get(link);
  if (known !== undefined) return known;
  const finding = find(link, ask);
  identified.set(link, finding);
  finding.catch(() => identified.delete(link));
  return finding;
}

async function find(link: Link, ask: (question: unknown) => Promise<unknown>): Promise<PeerCredentials> {
  if (link.kind !== 'unix') {
    const message = `The user of a peer is known on unix sockets only, not on a ${link.kind} link`;
    throw new BusError('ERR_PEER_LACKS_FEATURE', message);
  }
  const told = kernel.of(link.socket);
  if (told !== undefined) return told;
  const challenge = new Challenge(link.remote);
  return challenge.check(await ask(challenge.question));
}

const clientPlatform = (orphan: boolean): ClientPlatform => ({
  ...platform,
  dialer(options) {
    const address = resolveAddress(options);
    const { clock } = options;
    const dial = dialer(address, {
      options: options.options,
      tls: options.tls,
      clock,
      network: options.network,
      orphan,
    });
    if (address.kind !== 'unix')
      return { dial, host: 'host' in address ? `${address.host}:${address.port}` : 'localhost' };
    return { dial, host: 'localhost', prover: (link) => (question) => proveOver(link, question) };
  },
});

export const nodeClientPlatform = clientPlatform(false);
/** For a client whose process may outlive its parent. */
export const orphanPlatform = clientPlatform(true);

export const nodeServerPlatform: ServerPlatform = {
  ...platform,
  identify,
  listener(options) {
    const address = resolveAddress(options);
    const { tls, clock, listenOptions, handshakeTimeoutMs, maxUnauthorized } = options;
    const settings = {
      options: options.options,
      tls,
      clock,
      network: options.network,
      listenOptions,
      handshakeTimeoutMs,
      maxHandshakes: maxUnauthorized,
    };
    checkListenable(address);
    checkCredentials(address, settings);
    return (takeover, events) => listen(address, { ...settings, takeover }, events);
  },
};
