import { custom, type Given, integer, type OptionSpec } from '../../base/options.ts';
import type { Audience, PeerHandle } from '../../bus/plugin.ts';

const audience = (): OptionSpec<Audience<PeerHandle> | undefined> =>
  custom({
    type: 'string | Connection | (string | Connection)[]',
    default: undefined,
    accepts: (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  });

/** What `everyone()` takes. */
export const everyoneTable = {
  /** The number of the object, where the clients offer several. */
  id: integer({ default: 0, max: 255 }),
  /** A group, a connection, or a list of them: those who are called. By default all clients. */
  to: audience(),
  /** The same, of those who are not called. */
  except: audience(),
};

export type EveryoneOptions = Given<typeof everyoneTable>;
