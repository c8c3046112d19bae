import type { Clock, Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { Lane, PeerHandle, PluginHost, Sighting, Watcher } from '../plugin.ts';
import { MessageCodec } from '../requests/message-requests.ts';
import { Filter } from './inspection-filter.ts';

/** What a looker wants to see. */
export interface TapSettings {
  readonly filter: Filter;
  /** The share that is shown. */
  readonly sample: number;
  /** Values as they are, of what came on the user's lane alone. */
  readonly whole: boolean;
}

/** What a looker gets of one sighting; of a whole one `data` are its bytes. */
export interface Seen {
  readonly at: number;
  readonly peer: string;
  readonly name: string | undefined;
  readonly direction: 'in' | 'out';
  readonly kind: string;
  readonly lane: string;
  readonly id: string | undefined;
  readonly bytes: number;
  readonly data: unknown;
  readonly cut: boolean;
}

const windowMs = 50;
/** What is shown in one window; all else of it is dropped, so that who looks slows nobody down. */
const most = { shown: 200, whole: 10_000, wholeBytes: 4_194_304 };

/** @throws BusError `ERR_INVALID_ARGUMENT`. */
export function tapSettings({ globs, sample, whole }: Readonly<Record<string, unknown>>): TapSettings {
  if (typeof sample !== 'number' || !(sample > 0 && sample <= 1)) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'A sample is a share above 0 and up to 1');
  }
  return { filter: new Filter(globs), sample, whole: whole === true };
}

export interface TapOwner {
  readonly host: Pick<PluginHost, 'show' | 'watch'>;
  readonly clock: Clock;
  readonly random: Random;
  /** That of the lookers. */
  readonly lane: Lane;
  nameOf(peer: PeerHandle): string | undefined;
}

/** Shows one looker what goes by, as much of it as costs little. */
export class Tap implements Watcher<PeerHandle> {
  readonly #looker: PeerHandle;
  readonly #settings: TapSettings;
  readonly #owner: TapOwner;
  readonly #codec = new MessageCodec();
  readonly #unwatch: () => void;
  #timer: Timer | undefined;
  #seen: Seen[] = [];
  #bytes = 0;
  #dropped = 0;
  /** The looker has not read yet what it was sent last. */
  #isBehind = false;

  constructor(looker: PeerHandle, settings: TapSettings, owner: TapOwner) {
    this.#looker = looker;
    this.#settings = settings;
    this.#owner = owner;
    this.#unwatch = owner.host.watch(this);
    this.#next();
  }

  stop(): void {
    this.#unwatch();
    this.#timer?.cancel();
  }

  saw(sighting: Sighting<PeerHandle>): void {
    const { filter, sample, whole } = this.#settings;
    if (whole && (sighting.direction !== 'in' || sighting.lane !== '' || !isAsked(sighting))) return;
    if (!filter.fits(sighting, this.#owner.nameOf)) return;
    if (sample < 1 && this.#owner.random.unit() >= sample) return;
    const isFull = whole
      ? this.#seen.length >= most.whole || this.#bytes >= most.wholeBytes
      : this.#seen.length >= most.shown;
    if (isFull || this.#isBehind) {
      this.#dropped += 1;
      return;
    }
    this.#seen.push(whole ? this.#whole(sighting) : this.#shown(sighting));
  }

  #shown(sighting: Sighting<PeerHandle>): Seen {
    return { ...this.#about(sighting), ...this.#owner.host.show(sighting.data) };
  }

  #whole(sighting: Sighting<PeerHandle>): Seen {
    try {
      const data = this.#codec.encode(sighting.data);
      this.#bytes += data.length;
      return { ...this.#about(sighting), data, cut: false };
    } catch {
      return { ...this.#about(sighting), data: undefined, cut: true };
    }
  }

  #about({ peer, direction, kind, lane, id, bytes }: Sighting<PeerHandle>): Omit<Seen, 'data' | 'cut'> {
    return {
      at: Date.now(),
      peer: peer.id ?? '',
      name: this.#owner.nameOf(peer),
      direction,
      kind,
      lane,
      id: id === undefined ? undefined : String(id),
      bytes,
    };
  }

  #next(): void {
    this.#timer = this.#owner.clock.setTimer(() => this.#flush(), windowMs, true);
  }

  #flush(): void {
    this.#next();
    if (this.#isBehind || (this.#seen.length === 0 && this.#dropped === 0)) return;
    const seen = this.#seen;
    this.#isBehind = true;
    const sent = this.#owner.lane.send(this.#looker, { seen, dropped: this.#dropped });
    this.#seen = [];
    this.#bytes = 0;
    this.#dropped = 0;
    const taken = (): void => void (this.#isBehind = false);
    sent.then(taken, () => this.stop());
  }
}

const isAsked = ({ kind }: Sighting<PeerHandle>): boolean => kind === 'message' || kind === 'request';
