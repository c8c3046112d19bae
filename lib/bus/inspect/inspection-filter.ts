import { BusError } from '../../base/errors.ts';
import { fitsGlob } from '../../base/glob.ts';
import type { Sighting } from '../../session/traffic.ts';
import type { PeerHandle } from '../lane.ts';

const mostGlobs = 16;
const longestGlob = 256;
const longestText = 128;
const mostTexts = 8;

type Filtered = Pick<Sighting<PeerHandle>, 'kind' | 'lane' | 'direction' | 'data'> & {
  readonly peer: PeerHandle | undefined;
};

/** What of the traffic a looker wants to see. */
export class Filter {
  readonly #globs: readonly string[];

  /**
   * Each of `globs` has to fit the kind, the lane, the direction, the peer, or a text right in the message, such as its topic or
   * its method. @throws BusError `ERR_INVALID_ARGUMENT`.
   */
  constructor(globs: unknown) {
    const isGlob = (glob: unknown): glob is string => typeof glob === 'string' && glob.length <= longestGlob;
    if (!Array.isArray(globs) || globs.length > mostGlobs || !globs.every(isGlob)) {
      const text = `A filter has up to ${mostGlobs} globs of up to ${longestGlob} characters`;
      throw new BusError('ERR_INVALID_ARGUMENT', text);
    }
    this.#globs = globs;
  }

  /** `name`: what the plugin of the lane calls it. */
  fits(
    { kind, lane, direction, peer, data }: Filtered,
    nameOf: (peer: PeerHandle) => string | undefined,
    name = '',
  ): boolean {
    if (this.#globs.length === 0) return true;
    const whom = peer === undefined ? [] : [peer.id ?? '', nameOf(peer) ?? ''];
    const texts = [kind, lane, direction, name, ...whom, ...textsIn(data)];
    return this.#globs.every((glob) => texts.some((text) => fitsGlob(glob, text)));
  }
}

function textsIn(data: unknown): string[] {
  if (typeof data === 'string') return data.length <= longestText ? [data] : [];
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return [];
  const found: string[] = [];
  try {
    for (const key in data) {
      const value: unknown = (data as Record<string, unknown>)[key];
      if (typeof value === 'string' && value.length <= longestText) found.push(value);
      if (found.length === mostTexts) break;
    }
  } catch {
    // It has something that throws when it is asked.
  }
  return found;
}
