import { systemClock } from '../../../lib/base/system-clock.ts';
import { systemRandom } from '../../../lib/base/random.ts';
import type { DispatchOptions, LogEvent } from '../../../lib/plugins/dispatch/index.ts';
import { DispatchService } from '../../../lib/plugins/dispatch/service.ts';
import { BareDriver } from './bare-driver.ts';

/** A dispatcher with its WebSocket server, and what it said. */
export interface RunningService {
  readonly service: DispatchService;
  readonly events: LogEvent[];
  /** `http://…/api/server` */
  readonly base: string;
  /** A driver with the right token. */
  driver(protocol: 'tcp' | 'udp' | 'tls', query: Record<string, string | number>): Promise<BareDriver>;
  /** Resolves with the first event of this name that is or was logged. */
  logged(event: string, matches?: (event: LogEvent) => boolean): Promise<LogEvent>;
}

export async function startService(options: DispatchOptions = {}): Promise<RunningService> {
  const events: LogEvent[] = [];
  const watchers = new Set<(event: LogEvent) => void>();
  const log = (event: LogEvent): void => {
    events.push(event);
    for (const watcher of watchers) watcher(event);
  };
  const service = new DispatchService(
    { port: 0, secret: 'a test secret', answerTimeoutMs: 100, log, ...options },
    { clock: systemClock, random: systemRandom, environment: {}, tls: undefined },
  );
  await service.start();
  const base = `http://127.0.0.1:${service.webPort}/api/server`;
  return {
    service,
    events,
    base,
    driver(protocol, query) {
      const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
      return BareDriver.open(`${base.replace('http', 'ws')}/${protocol}_dispatch?${parameters}`, {
        Authorization: 'Bearer a test secret',
      });
    },
    logged(name, matches = () => true) {
      const fits = (event: LogEvent): boolean => event.event === name && matches(event);
      const past = events.find(fits);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => {
        const watcher = (event: LogEvent): void => {
          if (!fits(event)) return;
          watchers.delete(watcher);
          resolve(event);
        };
        watchers.add(watcher);
      });
    },
  };
}
