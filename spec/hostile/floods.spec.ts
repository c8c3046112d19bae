import { floodTable } from './flood-table.ts';
import { pluginFloods } from './plugin-floods.ts';
import { wireFloods } from './wire-floods.ts';

/** Each type of frame and of plugin message once. `npm run test:long -- spec/hostile/floods.long.ts` has them all, and larger. */
floodTable(
  'an admitted peer that floods',
  [...wireFloods, ...pluginFloods].filter(({ usual }) => usual),
  100_000,
);
