import { anything, listReader, oneOf, optional, text, tuple } from '../../../base/shape.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';

const id = text(256);
/** The address and the kind of a client's link. */
const where = [
  optional(text(256)),
  optional(oneOf('unix', 'pipe', 'tcp', 'tls', 'memory', 'websocket', 'child', 'worker', 'nats')),
] as const;
export const isWhere = tuple(...where);

/** What the node of a client tells another one. */
export const readTelling = listReader('message about clients of nodes', {
  open: [id, ...where],
  from: [id, anything],
  close: [id],
  /** It took this node for dead, and has forgotten what was between the two. */
  reset: [],
});

export const readAsking = listReader('request about clients of nodes', {
  from: [id, anything],
  /** For a client of the node that is asked; answered when its session has accepted it. */
  to: [id, anything],
  ask: [id, anything],
  meet: [id],
  has: [text(1_024)],
  list: [],
});

export function whereOf({ remoteAddress, linkKind }: PeerHandle): [string | null, string | null] {
  return [remoteAddress ?? null, linkKind ?? null];
}
