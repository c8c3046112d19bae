import { type Channel, channel } from 'node:diagnostics_channel';
import type { PeerNews } from '../../session/traffic.ts';

/** One for the whole process, whichever client or server it is of: the context says with whom. */
const channels = {
  session: channel('busbar:session'),
  slow: channel('busbar:slow'),
  undelivered: channel('busbar:undelivered'),
  refused: channel('busbar:refused'),
} as const;

/** Publishes on the channel of that name of `node:diagnostics_channel`, if there is one. */
export function publish(what: keyof PeerNews, about: object): void {
  const { [what]: of }: { readonly [what in keyof PeerNews]?: Channel } = channels;
  if (of?.hasSubscribers === true) of.publish(about);
}
