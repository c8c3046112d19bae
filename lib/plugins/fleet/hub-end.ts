import { BusError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';
import { inTime } from '../../base/wait.ts';
import type { Lane, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import type { Link } from '../../transport/link.ts';
import type { ServicesHub } from '../services/index.ts';
import { word } from './word.ts';

/** The server as a fleet needs it: who comes on the links to its processes, and what they say. */
export class HubEnd {
  readonly #host: PluginHost;
  readonly #lane: Lane;
  readonly #signalled = new WeakSet<PeerHandle>();
  readonly #waiting = new Map<
    PeerHandle,
    { readonly signalled: () => void; readonly left: (error: BusError) => void }
  >();
  readonly #left = new Map<PeerHandle, () => void>();

  constructor(host: PluginHost) {
    this.#host = host;
    this.#lane = host.lane({
      request: (said, { peer }) => {
        if (said !== word.ready) throw new BusError('ERR_PROTOCOL', 'Not a message of a process of a fleet');
        this.#signalled.add(peer);
        this.#waiting.get(peer)?.signalled();
        return true;
      },
    });
    host.onDisconnect((peer) => this.#over(peer));
  }

  /** Resolves with the client that comes on a link that was made here, and what resolves when its session is over. */
  async expect(link: Link, withinMs: number): Promise<{ readonly peer: PeerHandle; readonly left: Promise<void> }> {
    const peer = await this.#host.acceptLink(link, withinMs);
    const left = new Promise<void>((resolve) => this.#left.set(peer, resolve));
    // Its session may be over by now.
    if (!this.#isThere(peer)) this.#over(peer);
    return { peer, left };
  }

  /** Resolves when it has done all that `connect()` waits for: until then no request is delivered to it. */
  async whenReady(peer: PeerHandle, withinMs: number): Promise<void> {
    await this.#lane.request(peer, word.ready, { timeout: withinMs }).catch(unlessWithout);
  }

  /** Resolves when it has called `fleetReady`. */
  async whenSignalled(peer: PeerHandle, withinMs: number): Promise<void> {
    if (this.#signalled.has(peer)) return;
    if (!this.#left.has(peer)) throw new BusError('ERR_CLOSED');
    const said = new Promise<void>((signalled, left) => this.#waiting.set(peer, { signalled, left }));
    await inTime({ clock: this.#host.clock, ms: withinMs }, said, () => new BusError('ERR_TIMEOUT'));
  }

  /** It does what it does before it ends, and what it does for other members goes to others. */
  async drain(peer: PeerHandle, withinMs: number): Promise<void> {
    const { clock } = this.#host;
    const endsAt = clock.now() + withinMs;
    await this.#lane.request(peer, word.stop, { timeout: withinMs }).catch(unlessWithout);
    const services = this.#host.plugin('services') as ServicesHub | undefined;
    const { id } = peer;
    if (services === undefined || id === undefined) return;
    if (!services.members().some((member) => member.id === id)) return;
    const ms = Math.max(1, endsAt - clock.now());
    await inTime({ clock, ms }, services.drain(id), () => new BusError('ERR_TIMEOUT'));
  }

  #over(peer: PeerHandle): void {
    this.#left.get(peer)?.();
    this.#left.delete(peer);
    this.#waiting.get(peer)?.left(new BusError('ERR_CLOSED'));
    this.#waiting.delete(peer);
  }

  #isThere(peer: PeerHandle): boolean {
    for (const other of this.#host.peers) if (other === peer) return true;
    return false;
  }
}

/** A client without this plugin says so as soon as it takes requests. */
function unlessWithout(error: unknown): void {
  if (codeOf(error) !== 'ERR_PEER_LACKS_FEATURE') throw error;
}
