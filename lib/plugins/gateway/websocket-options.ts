import type { Given, Resolved } from '../../base/options.ts';
import { callback, flag, integer, oneOf, text } from '../../base/options.ts';
import { originsOption, ownNamesOption } from '../../transport/origin-options.ts';
import { eventOptions } from './event-options.ts';
import type { UpgradeDetails } from './upgrade-gate.ts';

export type AuthorizeUpgrade = (details: UpgradeDetails) => boolean | Promise<boolean>;

/** Who may upgrade, and where. */
export const upgradeOptions = {
  /** The only path that upgrades; any unless given. */
  path: text(),
  /**
   * Origins whose pages may connect: those listed, that of this server (its scheme, its port, an address, `localhost` or one
   * of `ownNames`), or any. Programs send no origin.
   */
  origins: originsOption('same'),
  /** Host names under which pages of the same origin reach this server. */
  ownNames: ownNamesOption(),
  /**
   * Says whether a client may connect, before the upgrade: only `true` admits, or a promise of it; else 401,
   * or 503 where it cannot decide now (ERR_UNAVAILABLE), is late or fails by mistake.
   */
  authorize: callback<AuthorizeUpgrade>(),
  /** Time `authorize` has. */
  authorizeTimeoutMs: integer({ default: 5000, min: 1, unit: 'ms' }),
  /** Clients that may wait for `authorize`; else 503. */
  maxPendingUpgrades: integer({ default: 256, min: 1 }),
};

export const webSocketServerOptions = {
  ...eventOptions,
  ...upgradeOptions,
  /** Largest message from a client, as it was before compression. */
  maxPayloadBytes: integer({ default: 16_777_216, min: 1, unit: 'bytes' }),
  /** Unsent bytes after which a message is dropped. */
  maxBackpressureBytes: integer({
    default: 65_536,
    unit: 'bytes',
  }),
  /** What a client over that limit loses. */
  whenBehind: oneOf({ choices: ['drop', 'close'], default: 'drop' }),
  /** Silence after which a client is dropped. */
  idleTimeoutMs: integer({ default: 120_000, min: 20, unit: 'ms' }),
  /** Sending to a client counts as a sign of life. */
  resetIdleTimeoutOnSend: flag({ default: true }),
  /** Time a client may take nothing of what waits. */
  drainTimeoutMs: integer({
    default: 30_000,
    min: 20,
    unit: 'ms',
  }),
  /** Time a client has to answer a close frame. */
  closeTimeoutMs: integer({ default: 5000, min: 20, unit: 'ms' }),
  /** Longest life of a connection; 0: no limit. */
  maxLifetimeMs: integer({ default: 0, unit: 'ms' }),
  /** Offers permessage-deflate, used by the compressing functions alone. */
  compression: flag({ default: true }),
};

export type WebSocketServerOptions = Given<typeof webSocketServerOptions>;
export type WebSocketServerSettings = Resolved<typeof webSocketServerOptions>;
