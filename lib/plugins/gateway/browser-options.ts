import type { Given, Resolved } from '../../base/options.ts';
import { flag, integer, text } from '../../base/options.ts';
import { DEFAULT_PORT, listenOptions } from './event-options.ts';
import { originsOption, upgradeOptions } from './websocket-options.ts';

/** Where web pages come in. */
export const browserDoorOptions = {
  ...listenOptions,
  ...upgradeOptions,
  port: integer({ default: DEFAULT_PORT, max: 65_535, doc: 'The port to listen on; 0 takes any free one.' }),
  path: text({ default: '/bus', doc: 'The only path that upgrades.' }),
  origins: originsOption('same'),
  maxMessageBytes: integer({
    default: 1_048_576,
    min: 1024,
    unit: 'bytes',
    doc: 'Largest WebSocket message of a page.',
  }),
  compression: flag({ default: false, doc: 'Compresses by permessage-deflate where the page can.' }),
};

export type BrowserDoorOptions = Given<typeof browserDoorOptions>;
export type BrowserDoorSettings = Resolved<typeof browserDoorOptions>;
