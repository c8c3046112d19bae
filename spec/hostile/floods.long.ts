import { floodTable } from './flood-table.ts';
import { pluginFloods } from './plugin-floods.ts';
import { wireFloods } from './wire-floods.ts';

floodTable('an admitted peer that floods, at length', [...wireFloods, ...pluginFloods], 3_000_000);
