import { BusError } from '../base/errors.ts';
import type { LinkPort } from '../session/link-port.ts';
import { nativeDialect, type SessionDialect } from '../session/dialect.ts';
import { Session } from '../session/session.ts';
import type { Link } from '../transport/link.ts';
import type { ClientHello, ProcessMark, ServerHello } from '../wire/handshake/hello.ts';
import { protocolVersion } from '../wire/native/header.ts';
import { recordBytes } from '../wire/compression.ts';
import type { Conversation } from './conversation.ts';
import type { ResolvedClientOptions, ResolvedPeerOptions } from './options.ts';
import type { Platform, Processes } from './platform.ts';

/** The feature names of the native protocol that this version knows. */
const recordsFeature = 'records';
const withdrawnFeature = 'withdrawn';
const handledFeature = 'handled';

/** After which part of the interval a client sends its heartbeat. */
const clientHeartbeat = 0.9;

/** The features this end offers on `link`. */
export function ownFeatures(options: ResolvedPeerOptions, link: Link): string[] {
  const features = [withdrawnFeature, handledFeature];
  return (options.trusted ?? link.trusted) ? [recordsFeature, ...features] : features;
}

/** The native dialect with what both ends have: `maxFrameBytes` is the peer's. */
export function nativeDialectOf(
  { features, maxFrameBytes }: { readonly features: readonly string[]; readonly maxFrameBytes: number },
  options: ResolvedPeerOptions,
): SessionDialect {
  const records = features.includes(recordsFeature);
  const withdraws = features.includes(withdrawnFeature);
  const handles = features.includes(handledFeature);
  return nativeDialect({ records, withdraws, handles, peerMaxBytes: maxFrameBytes }, options);
}

/** Where links reach this machine only: how the peer can see that this process has ended. */
export function processMember({ kind }: Link, processes: Processes | undefined): { readonly process?: ProcessMark } {
  const process = kind === 'unix' ? processes?.own() : undefined;
  return process === undefined ? {} : { process };
}

/** What a client has of a session that it wants back; none of it for a first one. */
interface OwnSession {
  readonly id: string | undefined;
  readonly token: string | undefined;
  readonly session: Session | undefined;
}

export function clientHello(
  options: ResolvedClientOptions,
  payload: unknown,
  link: Link,
  { id, token, session }: OwnSession,
  processes: Processes | undefined,
): ClientHello {
  const { compress, messagepack, native, maxMessageBytes } = options;
  const hello = { compress, messagepack, extras: payload, id: id ?? null };
  if (!native) return hello;
  const offer = {
    versions: [protocolVersion],
    features: ownFeatures(options, link),
    maxFrameBytes: maxMessageBytes,
    ...processMember(link, processes),
  };
  if (token === undefined || session === undefined) return { ...hello, busbar: offer };
  return { ...hello, busbar: { ...offer, resume: { token, received: session.received } } };
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
  const dialect = offer === undefined ? netIpcDialect(hello, port, options, platform) : nativeDialectOf(offer, options);
  // Sooner than the server's, which then needs none of its own: one question and one answer keep both ends sure.
  const heartbeatIntervalMs = options.heartbeatIntervalMs * clientHeartbeat;
  return newSession(dialect, conversation, { ...options, heartbeatIntervalMs });
}

export function newSession(dialect: SessionDialect, conversation: Conversation, options: ResolvedPeerOptions): Session {
  return new Session(dialect, conversation, conversation.queues, options.clock, options);
}

/** The net-ipc dialect on `port`, with the terms both hellos named. */
export function netIpcDialect(
  terms: { readonly compress: boolean; readonly messagepack: boolean },
  port: LinkPort,
  options: ResolvedPeerOptions,
  platform: Platform,
): SessionDialect {
  if (platform.netIpcDialect === undefined) {
    throw new BusError('ERR_INCOMPATIBLE', 'The peer speaks net-ipc only, which this client does not');
  }
  const { compression } = platform;
  const compressed = terms.compress && compression !== undefined;
  const deflater = compressed ? compression.deflater() : undefined;
  const inflater = compressed ? compression.inflater(options.maxMessageBytes) : undefined;
  if (deflater !== undefined && inflater !== undefined) port.own(deflater, inflater);
  return platform.netIpcDialect({ messagepack: terms.messagepack, deflater, inflater }, options);
}

/** Compresses all that follows on `port`, both ways. */
export function compressLink(port: LinkPort, { compression }: Platform): void {
  if (compression !== undefined) port.compress(compression.deflater(), compression.inflater(recordBytes));
}
