import type { Session } from '../session/session.ts';
import type { Link } from '../transport/link.ts';
import type { ClientHello, ProcessMark } from '../wire/handshake/hello.ts';
import { protocolVersion } from '../wire/native/header.ts';
import type { ResolvedClientOptions, ResolvedPeerOptions } from './options.ts';
import type { Processes } from './platform.ts';

/** The feature names of the native protocol that this version knows. */
export const Feature = { records: 'records', withdrawn: 'withdrawn', handled: 'handled' } as const;

/** The features this end offers on `link`. */
export function ownFeatures(options: ResolvedPeerOptions, link: Link): string[] {
  const features = [Feature.withdrawn, Feature.handled];
  return (options.trusted ?? link.trusted) ? [Feature.records, ...features] : features;
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
