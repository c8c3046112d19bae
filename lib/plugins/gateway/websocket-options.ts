import type { Given, OptionSpec, Resolved } from '../../base/options.ts';
import { callback, custom, flag, integer, oneOf, text } from '../../base/options.ts';
import { eventOptions } from './event-options.ts';
import type { UpgradeDetails } from './upgrade-gate.ts';

export type AuthorizeUpgrade = (details: UpgradeDetails) => boolean | Promise<boolean>;

type Origins = readonly string[] | 'same' | 'any';

export function originsOption(fallback: Origins): OptionSpec<Origins> {
  return custom<Origins>({
    type: "an array of origins, 'same' or 'any'",
    default: fallback,
    doc: 'Origins whose pages may connect: those listed, the one of the same host and port, or any.',
    accepts: (value) => value === 'same' || value === 'any' || Array.isArray(value),
  });
}

/** Who may upgrade, and where. */
export const upgradeOptions = {
  path: text({ doc: 'The only path that upgrades; any unless given.' }),
  origins: originsOption('any'),
  authorize: callback<AuthorizeUpgrade>({ doc: 'Says whether a client may connect, before the upgrade; else 401.' }),
  authorizeTimeoutMs: integer({ default: 5000, min: 1, unit: 'ms', doc: 'Time `authorize` has.' }),
  maxPendingUpgrades: integer({ default: 256, min: 1, doc: 'Clients that may wait for `authorize`; else 503.' }),
};

export const webSocketServerOptions = {
  ...eventOptions,
  ...upgradeOptions,
  maxPayloadBytes: integer({ default: 16_777_216, min: 1, unit: 'bytes', doc: 'Largest message from a client.' }),
  maxBackpressureBytes: integer({
    default: 65_536,
    unit: 'bytes',
    doc: 'Unsent bytes after which a message is dropped.',
  }),
  whenBehind: oneOf({ choices: ['drop', 'close'], default: 'drop', doc: 'What a client over that limit loses.' }),
  idleTimeoutMs: integer({ default: 120_000, min: 20, unit: 'ms', doc: 'Silence after which a client is dropped.' }),
  resetIdleTimeoutOnSend: flag({ default: true, doc: 'Sending to a client counts as a sign of life.' }),
  drainTimeoutMs: integer({
    default: 30_000,
    min: 20,
    unit: 'ms',
    doc: 'Time a client may take nothing of what waits.',
  }),
  closeTimeoutMs: integer({ default: 5000, min: 20, unit: 'ms', doc: 'Time a client has to answer a close frame.' }),
  maxLifetimeMs: integer({ default: 0, unit: 'ms', doc: 'Longest life of a connection; 0: no limit.' }),
  compression: flag({ default: true, doc: 'Offers permessage-deflate, used by the compressing functions alone.' }),
};

export type WebSocketServerOptions = Given<typeof webSocketServerOptions>;
export type WebSocketServerSettings = Resolved<typeof webSocketServerOptions>;
