import { BusError } from '../../base/errors.ts';
import type { Groups } from './group-options.ts';

/** What `busbar.config.js` exports by default, for `npx busbar run`. */
export interface FleetConfig {
  /** The socket path of the hub; the commands reach the fleet at `<path>.fleet`. Relative to the folder of the config, as all paths in it. */
  readonly path: string;
  readonly groups: Groups;
  /** A module whose default export is the hub: a `Server` that was started. By default the hub is a server at `path`, with services. */
  readonly hub?: string | undefined;
}

const names = ['path', 'groups', 'hub'];

/**
 * The config as it was given, checked but for the groups, which `busbar run` checks.
 * @throws BusError `ERR_INVALID_OPTION`.
 */
export function defineFleet(config: FleetConfig): FleetConfig {
  if (typeof config !== 'object' || config === null) throw invalid('is an object { path, groups, hub }');
  const unknown = Object.keys(config).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalid(`has path, groups and hub, and no ${unknown}`);
  const { path, groups, hub } = config;
  if (typeof path !== 'string' || path === '') throw invalid('needs path, the socket path of the hub');
  if (typeof groups !== 'object' || groups === null) throw invalid('needs groups, an object');
  if (hub !== undefined && (typeof hub !== 'string' || hub === '')) throw invalid('takes hub as the path of a module');
  return config;
}

function invalid(what: string): BusError {
  return new BusError('ERR_INVALID_OPTION', `The config of a fleet ${what}`);
}
