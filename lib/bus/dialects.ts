import { BusError } from '../base/errors.ts';
import { nativeDialect, type SessionDialect } from '../session/dialect.ts';
import type { LinkPort } from '../session/link-port.ts';
import type { Operations } from '../session/operations.ts';
import { Session } from '../session/session.ts';
import { blockBytes } from '../wire/compression.ts';
import type { ClientOffer, ServerHello } from '../wire/handshake/hello.ts';
import type { PeerContracts } from '../wire/contracts.ts';
import type { BroadcastRecords } from '../wire/native/broadcast-records.ts';
import { protocolVersion } from '../wire/native/header.ts';
import type { Conversation } from './conversation.ts';
import { Feature } from './own-hello.ts';
import type { ResolvedClientOptions, ResolvedPeerOptions } from './options.ts';
import type { Platform } from './platform.ts';

/** After which part of the interval a client sends its heartbeat. */
const clientHeartbeat = 0.9;

/** The native dialect with what both ends have: `maxFrameBytes` is the peer's, `broadcasts` a server's. */
export function nativeDialectOf(
  offer: Pick<ClientOffer, 'features' | 'maxFrameBytes' | 'maxDepth' | 'contracts'>,
  options: ResolvedPeerOptions,
  contracts: PeerContracts | undefined,
  operations: Operations | undefined,
  broadcasts?: BroadcastRecords,
): SessionDialect {
  const { features, maxFrameBytes, maxDepth } = offer;
  const records = features.includes(Feature.records);
  const withdraws = features.includes(Feature.withdrawn);
  const handles = features.includes(Feature.handled);
  const traces = features.includes(Feature.trace);
  const tracing = traces ? operations : features.includes(Feature.passes) ? operations?.lent : undefined;
  const agreed = contracts?.agree(offer.contracts);
  const shared = records && features.includes(Feature.shared) && (broadcasts ?? true);
  const most = { peerMaxBytes: maxFrameBytes, peerMaxDepth: maxDepth };
  return nativeDialect({ records, withdraws, handles, ...most, contracts: agreed, shared, tracing, traces }, options);
}

/** The session that the server's hello asks for. */
export function sessionOfClient(
  hello: ServerHello,
  port: LinkPort,
  options: ResolvedClientOptions,
  platform: Platform,
  conversation: Conversation,
): Session {
  const offer = hello.busbar;
  if (offer !== undefined && offer.version !== protocolVersion) {
    throw new BusError(
      'ERR_INCOMPATIBLE',
      `The server speaks version ${offer.version}, this client ${protocolVersion}`,
    );
  }
  const { contracts } = conversation;
  const dialect =
    offer === undefined
      ? netIpcDialect(hello, port, options, platform, contracts)
      : nativeDialectOf(offer, options, contracts, conversation.operations);
  // Sooner than the server's, which then needs none of its own: one question and one answer keep both ends sure.
  const heartbeatIntervalMs = options.heartbeatIntervalMs * clientHeartbeat;
  return newSession(dialect, conversation, { ...options, heartbeatIntervalMs });
}

export function newSession(dialect: SessionDialect, conversation: Conversation, options: ResolvedPeerOptions): Session {
  return new Session(dialect, conversation, conversation.queues, options.clock, options);
}

/** The net-ipc dialect on `port`, with what both hellos named. */
export function netIpcDialect(
  agreed: { readonly compress: boolean; readonly messagepack: boolean },
  port: LinkPort,
  options: ResolvedPeerOptions,
  platform: Platform,
  contracts: PeerContracts | undefined,
): SessionDialect {
  if (platform.netIpcDialect === undefined) {
    throw new BusError('ERR_INCOMPATIBLE', 'The peer speaks only net-ipc, and this client does not');
  }
  const { compression } = platform;
  const compressed = agreed.compress && compression !== undefined;
  const deflater = compressed ? compression.deflater() : undefined;
  const inflater = compressed ? compression.inflater(options.maxMessageBytes) : undefined;
  if (deflater !== undefined && inflater !== undefined) port.own(deflater, inflater);
  return platform.netIpcDialect({ messagepack: agreed.messagepack, deflater, inflater, contracts }, options);
}

/** Compresses all that follows on `port`, both ways. */
export function compressLink(port: LinkPort, { compression }: Platform): void {
  if (compression !== undefined) port.compress(compression.deflater(), compression.inflater(blockBytes));
}
