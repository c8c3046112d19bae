import { callback, type Given, integer, type Resolved } from '../../base/options.ts';
import type { JournalOwner } from './inbox/sender-owner.ts';
import { logTable } from './log/log-options.ts';

/** What `journal()` takes. */
export const journalTable = {
  ...logTable,
  /** How long a server keeps what waits for a client that does not come back. */
  peerTtlMs: integer({ default: 604_800_000, min: 1, unit: 'ms' }),
  /**
   * Whose the journal of a client is, as a name of 1 to 256 bytes: what was opened for one owner is nobody else's from then on,
   * and all journals of one share a part of `maxBytes`. Asked when a client opens its journal, after `connect`.
   */
  owner: callback<JournalOwner>(),
  /**
   * How long what a durable request was answered with is kept, for who asks it again by the same key; the newest ones at most:
   * of one client 100,000 and a sixteenth of `maxBytes`, of all clients 400,000 and a quarter of `maxBytes`.
   */
  answerTtlMs: integer({ default: 86_400_000, min: 1, unit: 'ms' }),
};

export type JournalSettings = Given<typeof journalTable>;
export type ResolvedJournalSettings = Resolved<typeof journalTable>;
