import { BusError } from '../../base/errors.ts';
import { custom, type Given } from '../../base/options.ts';

const leastTokenLength = 16;

const isInspect = (value: unknown): boolean => {
  if (value === undefined || value === false) return true;
  const token = typeof value === 'object' && value !== null && 'token' in value ? value.token : undefined;
  return typeof token === 'string' && token.length >= leastTokenLength;
};

/** A further option of servers in Node. */
export const inspectOption = {
  /**
   * Who can look at this server with `npx busbar top` and similar commands. Default: processes of its own user, on its
   * socket file or pipe. `{ token }`, of 16 characters or more, also admits everyone who knows the token, over TCP, TLS
   * and memory too; `false` admits nobody.
   */
  inspect: custom<false | { readonly token: string } | undefined>({
    type: 'false or { token }',
    default: undefined,
    accepts: isInspect,
  }),
};

export type InspectOption = Given<typeof inspectOption>;

/** The other options, and this one. @throws BusError `ERR_INVALID_OPTION`. */
export function withoutInspect<Options extends object>(
  options: (Options & InspectOption) | undefined,
): { readonly others: Options | undefined; readonly inspect: InspectOption['inspect'] } {
  if (typeof options !== 'object' || options?.inspect === undefined) return { others: options, inspect: undefined };
  const { inspect, ...others } = options;
  if (isInspect(inspect)) return { others: others as unknown as Options, inspect };
  throw new BusError('ERR_INVALID_OPTION', 'Option "inspect" must be false, or { token } with 16 characters or more');
}
