import { BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import type { Journal } from '../../bus/plugin.ts';
import { ClientEnd } from './client-end.ts';
import { type JournalSettings, journalTable } from './journal-table.ts';
import { ServerEnd } from './server-end.ts';

/**
 * A journal in `folder`, for the option `journal` of one `Client` or one `Server`. It is opened when that connects or
 * starts, or has something durable to send.
 * @throws BusError `ERR_INVALID_OPTION`, or `ERR_INVALID_ARGUMENT` where `folder` is not a path.
 */
export function journal(folder: string, options: JournalSettings = {}): Journal {
  if (typeof folder !== 'string' || folder === '') throw new BusError('ERR_INVALID_ARGUMENT', 'journal takes a folder');
  const settings = resolveOptions('journal()', journalTable, options);
  return {
    client: (sender, receiver) => ({
      name: 'journal',
      install: (host) => {
        const api = new ClientEnd(host, sender, receiver, folder, settings);
        return { api, stats: () => api.counts() };
      },
    }),
    server: (receiver) => ({
      name: 'journal',
      install: (host) => {
        const api = new ServerEnd(host, receiver, folder, settings);
        return { api, stats: () => api.counts() };
      },
    }),
  };
}
