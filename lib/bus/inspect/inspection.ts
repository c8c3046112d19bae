import process from 'node:process';
import { BusError } from '../../base/errors.ts';
import { toFailure } from '../../base/failure.ts';
import type { Operations } from '../../session/operations.ts';
import type { LaneRequestContext, PeerHandle } from '../lane.ts';
import type { ResolvedServerOptions } from '../options.ts';
import type { Plugin, PluginHost } from '../plugin.ts';
import type { Connection } from '../server/connection.ts';
import type { SurveyAnswer } from '../survey-answer.ts';
import { SeenRows, Snapshots } from './inspection-snapshot.ts';
import { Tap, tapSettings } from './inspection-tap.ts';
import { Traces } from './inspection-traces.ts';

/** What is looked at, as far as it is asked. */
export interface Inspected {
  readonly options: ResolvedServerOptions;
  readonly address: string | undefined;
  broadcast(data: unknown): Promise<void>;
  surveyStream(
    data: unknown,
    settings: { readonly timeout: number; readonly signal: AbortSignal },
  ): AsyncIterable<SurveyAnswer<PeerHandle, unknown>>;
}

type Members = Readonly<Record<string, unknown>>;
type Verb = (asked: Members, context: LaneRequestContext) => unknown;

const longestName = 64;

/** What `connect()` was given says who somebody is, where it has a `name`: as people may see it. */
export function nameIn(payload: unknown, { show }: Pick<PluginHost, 'show'>): string | undefined {
  const name = typeof payload === 'object' && payload !== null && 'name' in payload ? payload.name : undefined;
  if (typeof name !== 'string') return undefined;
  return (show({ name: name.slice(0, longestName) }).data as { readonly name: string }).name;
}

/**
 * Answers those who look at a server; to be installed at the server that has them. `host` is that of the one that is looked at, `nameOf`
 * what its clients call themselves, `operations` what follows it.
 */
export const inspection = (
  inspected: Inspected,
  host: PluginHost,
  nameOf: (peer: PeerHandle) => string | undefined,
  operations: Operations<PeerHandle> | undefined,
): Plugin<undefined, never> => ({
  name: 'busbar.inspect',
  install(lookers) {
    const taps = new Map<PeerHandle, Tap>();
    const seen = new WeakMap<PeerHandle, SeenRows>();
    const snapshots = new Snapshots();
    const traces = operations && new Traces({ host, operations, random: lookers.random, nameOf });
    const untap = (looker: PeerHandle): void => {
      taps.get(looker)?.stop();
      taps.delete(looker);
    };
    const count = (): number => [...host.peers].length;
    const verbs: Readonly<Record<string, Verb>> = {
      about: () => ({ address: inspected.address, pid: process.pid, node: process.versions.node, peers: count() }),
      stats({ has }, { peer }) {
        const rows = seen.get(peer) ?? new SeenRows();
        seen.set(peer, rows);
        return snapshots.take(host.peers as Iterable<Connection>, inspected.options, {
          address: inspected.address,
          stats: host.stats(),
          nameOf,
          seen: rows,
          has,
        });
      },
      tap(asked, { peer }) {
        const settings = tapSettings(asked);
        untap(peer);
        taps.set(peer, new Tap(peer, settings, { host, lane, clock: lookers.clock, random: lookers.random, nameOf }));
      },
      untap: (_, { peer }) => untap(peer),
      ...(traces && { trace: (asked, { peer, signal }) => traces.next(peer, asked, signal) }),
      async broadcast({ data }) {
        const peers = count();
        await inspected.broadcast(data);
        return { peers };
      },
      async survey({ data, timeout }, { signal }) {
        if (typeof timeout !== 'number') throw new BusError('ERR_INVALID_ARGUMENT', 'A survey has a timeout');
        const answers: object[] = [];
        for await (const { peer, status, ...rest } of inspected.surveyStream(data, { timeout, signal })) {
          const outcome = 'reason' in rest ? { reason: toFailure(rest.reason) } : { value: rest.value };
          const name = nameOf(peer);
          answers.push({ peer: peer.id, ...(name !== undefined && { name }), status, ...outcome });
        }
        return answers;
      },
    };
    const lane = lookers.lane({
      request(data, context) {
        const asked = typeof data === 'object' && data !== null ? (data as Members) : {};
        const name = String(asked['ask']);
        const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
        if (verb === undefined) throw new BusError('ERR_PEER_LACKS_FEATURE', `The server cannot be asked "${name}"`);
        return verb(asked, context);
      },
    });
    const end = (): void => {
      for (const looker of taps.keys()) untap(looker);
      traces?.end();
      snapshots.stop();
    };
    lookers.onDisconnect((looker) => {
      untap(looker);
      if ([...lookers.peers].length === 0) end();
    });
    return { api: undefined, dispose: end };
  },
});
