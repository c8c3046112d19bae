import type { Operations } from '../session/operations.ts';
import type { Session } from '../session/session.ts';
import type { Watchers } from '../session/traffic.ts';
import type { Link } from '../transport/link.ts';
import type { OwnContracts } from '../wire/contracts.ts';
import type { ProcessMark } from '../base/process-table.ts';
import type { ClientHello, ClientOffer, ServerHello } from '../wire/handshake/hello.ts';
import { protocolVersion, usualDepth } from '../wire/native/header.ts';
import type { SessionInfo } from './events.ts';
import type { ResolvedClientOptions, ResolvedPeerOptions, ResolvedServerOptions } from './options.ts';
import type { Processes } from './platform.ts';
import type { PeerHandle } from './lane.ts';

/** The feature names of the native protocol that this version knows. */
export const Feature = {
  records: 'records',
  shared: 'shared-records',
  withdrawn: 'withdrawn',
  handled: 'handled',
  credentials: 'credentials',
  trace: 'trace',
  passes: 'passes-trace',
} as const;

/** The features this end offers on `link`. */
function ownFeatures(options: ResolvedPeerOptions, link: Link, followed: Operations | undefined): string[] {
  const features: string[] = [Feature.withdrawn, Feature.handled];
  if (followed !== undefined) features.push(Feature.passes);
  if (followed?.own !== undefined) features.push(Feature.trace);
  if (link.kind === 'unix') features.push(Feature.credentials);
  return (options.trusted ?? link.trusted) ? [Feature.records, Feature.shared, ...features] : features;
}

/** Where links reach this machine only: how the peer can see that this process has ended. */
function processMember({ kind }: Link, processes: Processes | undefined): { readonly process?: ProcessMark } {
  const process = kind === 'unix' ? processes?.own() : undefined;
  return process === undefined ? {} : { process };
}

/** How deep bodies may nest, where that is not as usual. */
function depthMember(maxDepth: number): { readonly maxDepth?: number } {
  return maxDepth === usualDepth ? {} : { maxDepth };
}

/** The contracts of this end, where it has some. */
function contractsMember(contracts: Hashed | undefined): { readonly contracts?: readonly string[] } {
  return contracts === undefined ? {} : { contracts: contracts.hashes };
}

type Hashed = Pick<OwnContracts, 'hashes'>;

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
  contracts: Hashed | undefined,
  followed: Operations | undefined,
): ClientHello {
  const { compress, messagepack, native, maxMessageBytes, maxDepth } = options;
  const hello = { compress, messagepack, extras: payload, id: id ?? null };
  if (!native) return hello;
  const offer = {
    versions: [protocolVersion],
    features: ownFeatures(options, link, followed),
    maxFrameBytes: maxMessageBytes,
    ...depthMember(maxDepth),
    ...processMember(link, processes),
    ...contractsMember(contracts),
  };
  if (token === undefined || session === undefined) return { ...hello, busbar: offer };
  return { ...hello, busbar: { ...offer, resume: { token, received: session.received } } };
}

/** What a server has decided about the session that a client asks for. */
export interface Granted {
  readonly id: string;
  readonly compress: boolean;
  readonly outcome: SessionInfo['outcome'];
  /** How much of the session arrived here. */
  readonly received: number;
  /** By which the client gets a new session back later. */
  readonly token?: string | undefined;
}

/** What a server has for all of its clients. */
interface ServerTerms {
  readonly processes: Processes | undefined;
  readonly contracts: Hashed | undefined;
  readonly events: { readonly watchers: Watchers<PeerHandle> };
}

/** The answer to `hello`, which came over `link` with `offer`. */
export function serverHello(
  options: ResolvedServerOptions,
  hello: ClientHello,
  offer: ClientOffer,
  link: Link,
  { id, compress, outcome, received, token }: Granted,
  { processes, contracts, events }: ServerTerms,
): ServerHello {
  const busbar = {
    version: protocolVersion,
    features: ownFeatures(options, link, events.watchers.operations).filter((feature) =>
      offer.features.includes(feature),
    ),
    maxFrameBytes: options.maxMessageBytes,
    ...depthMember(options.maxDepth),
    ...processMember(link, processes),
    ...contractsMember(offer.contracts === undefined || outcome === 'resumed' ? undefined : contracts),
    outcome,
    received,
    graceMs: options.sessionGraceMs,
  };
  return {
    id,
    compress,
    messagepack: hello.messagepack,
    busbar: token === undefined ? busbar : { ...busbar, token },
  };
}
