import { MemoryNetwork, type VirtualClock } from '../../lib/testing/index.ts';
import type { Clock, Timer } from '../../lib/base/clock.ts';
import type { Listener } from '../../lib/transport/link.ts';
import { MemoryLink } from '../../lib/transport/memory-link.ts';

type Listen = MemoryNetwork['listen'];
type Dial = MemoryNetwork['dial'];

/** What one process of a simulated bus has of clock and network, so that it can be killed without a word of its own. */
export class SimProcess {
  alive = true;
  readonly clock: Clock;
  readonly network: MemoryNetwork;
  readonly #timers = new Set<Timer>();
  readonly #links = new Set<MemoryLink>();
  readonly #listeners = new Set<Listener>();

  constructor(clock: VirtualClock, shared: MemoryNetwork) {
    const whileAlive = (task: () => void) => (): void => {
      if (this.alive) task();
    };
    this.clock = {
      now: clock.now,
      defer: (task) => clock.defer(whileAlive(task)),
      setTimer: (task, ms) => {
        const timer = clock.setTimer(() => {
          this.#timers.delete(own);
          task();
        }, ms);
        const own: Timer = {
          cancel: () => {
            this.#timers.delete(own);
            timer.cancel();
          },
        };
        if (this.alive) this.#timers.add(own);
        else timer.cancel();
        return own;
      },
    };
    const keep = (link: unknown): void => {
      if (!(link instanceof MemoryLink)) return;
      if (this.alive) this.#links.add(link);
      else link.cut();
    };
    const listening = (listener: Listener): void => void this.#listeners.add(listener);
    this.network = new (class extends MemoryNetwork {
      override listen(...[address, of, events]: Parameters<Listen>): Listener {
        const link: typeof events.link = (opened) => {
          keep(opened);
          events.link(opened);
        };
        const listener = shared.listen(address, of, { ...events, link });
        listening(listener);
        return listener;
      }

      override async dial(...given: Parameters<Dial>): ReturnType<Dial> {
        const link = await shared.dial(...given);
        keep(link);
        return link;
      }
    })();
  }

  /** `silently`: as a host that loses its power, of which no peer hears; else its links are reset. */
  kill(silently: boolean): void {
    this.alive = false;
    for (const listener of this.#listeners) void listener.close();
    for (const link of this.#links) {
      if (silently) {
        link.blackHole(true);
        link.pause();
      } else {
        link.cut();
      }
    }
    for (const timer of [...this.#timers]) timer.cancel();
  }
}
