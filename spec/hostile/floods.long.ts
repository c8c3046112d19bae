import { floodTable } from './flood-table.ts';
import { floods } from './floods.ts';

floodTable('an admitted peer that floods, at length', floods, 3_000_000);
