import { custom, type OptionSpec } from '../base/options.ts';

/** The origins that are listed, or any. */
export type ListedOrigins = readonly string[] | 'any';
/** Those, or the origin of the server itself. */
export type Origins = ListedOrigins | 'same';

const originForm = /^(?:null|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/;
const isList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((origin) => typeof origin === 'string' && originForm.test(origin));

export function originsOption(fallback: Origins): OptionSpec<Origins> {
  return custom<Origins>({
    type: "an array of origins, 'same' or 'any'",
    default: fallback,
    accepts: (value) => value === 'same' || value === 'any' || isList(value),
  });
}

export function listedOriginsOption(): OptionSpec<ListedOrigins> {
  return custom<ListedOrigins>({
    type: "an array of origins, or 'any'",
    default: [],
    accepts: (value) => value === 'any' || isList(value),
  });
}

/** Names besides `localhost` under which a server is reached by right. */
export function ownNamesOption(): OptionSpec<readonly string[]> {
  return custom<readonly string[]>({
    type: 'an array of host names',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== ''),
  });
}
