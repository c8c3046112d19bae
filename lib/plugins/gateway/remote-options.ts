import { flag, type Given } from '../../base/options.ts';
import { queueOptions } from './event-options.ts';

/** What a client's side of the plugin takes. */
export const remoteOptions = {
  /** Events queue until they are polled; false: handlers run at once. */
  deferred: flag({ default: false }),
  ...queueOptions,
};

export type RemoteWebOptions = Given<typeof remoteOptions>;
