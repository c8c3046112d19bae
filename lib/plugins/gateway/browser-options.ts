import type { Given, Resolved } from '../../base/options.ts';
import { flag, integer, text } from '../../base/options.ts';
import { DEFAULT_PORT, listenOptions } from './event-options.ts';
import { upgradeOptions } from './websocket-options.ts';

/** Where web pages come in. */
export const browserDoorOptions = {
  ...listenOptions,
  ...upgradeOptions,
  /** The port to listen on; 0 takes any free one. */
  port: integer({ default: DEFAULT_PORT, max: 65_535 }),
  /** The only path that upgrades. */
  path: text({ default: '/bus' }),
  /** Largest WebSocket message of a page, as it was before compression. */
  maxMessageBytes: integer({
    default: 1_048_576,
    min: 1024,
    unit: 'bytes',
  }),
  /** Compresses by permessage-deflate where the page can. */
  compression: flag({ default: false }),
};

export type BrowserDoorOptions = Given<typeof browserDoorOptions>;
export type BrowserDoorSettings = Resolved<typeof browserDoorOptions>;
