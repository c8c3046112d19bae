import { BusError } from '../../base/errors.ts';
import { flag, type Given } from '../../base/options.ts';
import { parentUrl } from '../../transport/address.ts';

/** Further options of clients in Node. */
export const parentOptions = {
  /**
   * With the url `parent:`, lets this process outlive its parent. Otherwise it ends half a second after its parent was
   * lost without a close.
   */
  orphan: flag({ default: false }),
};

export type ParentOptions = Given<typeof parentOptions>;

interface DiallingOptions {
  readonly url?: string | undefined;
  readonly reconnect?: boolean | undefined;
  readonly retries?: number | undefined;
  readonly heartbeatIntervalMs?: number | undefined;
}

/**
 * The other options, and whether the process may be an orphan. A client of its parent dials once, as there is one link, and does not
 * ask for signs of life, as the system reports its end. @throws BusError `ERR_INVALID_OPTION`.
 */
export function withoutParent<Options extends DiallingOptions>(
  options: (Options & ParentOptions) | undefined,
): { readonly others: Options | undefined; readonly orphan: boolean } {
  if (typeof options !== 'object' || options === null) return { others: options, orphan: false };
  const { orphan = false, ...others } = options;
  if (!parentOptions.orphan.accepts(orphan))
    throw new BusError('ERR_INVALID_OPTION', 'Option orphan must be a boolean');
  if (options.url !== parentUrl) {
    return { others: options.orphan === undefined ? options : (others as unknown as Options), orphan };
  }
  return {
    others: { heartbeatIntervalMs: 0, ...others, reconnect: false, retries: 0 } as unknown as Options,
    orphan,
  };
}
