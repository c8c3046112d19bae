import { type Adapter, type ClientEnd, type Handlers, type ServerEnd } from '../adapters/adapter.ts';
import { adapterCalled } from '../adapters/index.ts';
import type { Numbers, Params } from '../control/commands.ts';
import type { Remote } from '../control/desk.ts';
import { Counter } from '../counter.ts';
import { loadAnew } from '../load-anew.ts';
import type { Commands, Metric, Pace, Part, Place, Scenario, Variant } from './scenario.ts';

export type { Variant } from './scenario.ts';

/** What a scenario's own commands get in the process of the server. */
export interface ServerSide {
  readonly end: ServerEnd;
  /** Messages that arrived. */
  readonly messages: Counter;
}

/** Likewise in the process of the clients. */
export interface ClientSide {
  readonly ends: readonly ClientEnd[];
  /** Messages that arrived, at all clients together. */
  readonly messages: Counter;
  /** Connects further clients, one after the other. */
  more(clients: number): Promise<void>;
}

/** The two processes of one run, connected and ready. */
export interface BusStage {
  readonly server: Remote;
  readonly clients: Remote;
  readonly pace: Pace;
}

type Own<Side> = Readonly<Record<string, (side: Side, params: Params) => Promise<Numbers>>>;

/** A scenario of the bus itself: a server and its clients, the same for every peer. */
export interface BusScenario {
  readonly name: string;
  readonly title: string;
  readonly metrics: readonly Metric[];
  readonly variants: readonly Variant[];
  readonly maxRuns?: number;
  /** Which peers can take part. */
  suits(adapter: Adapter, variant: Variant): boolean;
  measure(stage: BusStage, variant: Variant, peer: string): Promise<Numbers>;
  readonly serverCommands?: Own<ServerSide>;
  readonly clientCommands?: Own<ClientSide>;
}

export function hasRoomFor({ maxClients = Number.POSITIVE_INFINITY }: Adapter, { clients }: Variant): boolean {
  return clients <= maxClients;
}

export function busScenario(own: BusScenario): Scenario {
  const { suits, serverCommands = {}, clientCommands = {}, ...rest } = own;
  return {
    ...rest,
    group: 'bus',
    parts: { server: serverPart(serverCommands), clients: clientsPart(clientCommands) },
    peers: (variant, peers) => peers.filter((peer) => suits(peer, variant)).map(({ name }) => name),
    async measure(stage, variant, peer) {
      const server = await stage.start('server');
      await server.call('open');
      let clients: Remote;
      if (adapterCalled(peer).spawn === undefined) clients = await stage.start('clients');
      else {
        const spawned = stage.expect('clients');
        await server.call('spawnClients');
        clients = await spawned;
      }
      await clients.call('open', { clients: variant.clients });
      return own.measure({ server, clients, pace: stage.pace }, variant, peer);
    },
  };
}

function handlersOf(messages: Counter): Handlers {
  return { message: () => messages.add(), request: (data) => data };
}

function serverPart(own: Own<ServerSide>): Part {
  return ({ peer, address, program }: Place): Commands => {
    const adapter = adapterCalled(peer);
    const messages = new Counter();
    let end: ServerEnd = { close: () => undefined };
    return {
      async open() {
        end = await adapter.serve(address, handlersOf(messages));
        return {};
      },
      spawnClients() {
        const { file, args } = program('clients');
        adapter.spawn?.(file, args);
        return {};
      },
      cut() {
        end.cut?.();
        return {};
      },
      startUp: ({ rounds }) => loadAnew(adapter.loads ?? '', Number(rounds)),
      ...bound(own, () => ({ end, messages })),
    };
  };
}

function clientsPart(own: Own<ClientSide>): Part {
  return ({ peer, address }: Place): Commands => {
    const adapter = adapterCalled(peer);
    const messages = new Counter();
    const ends: ClientEnd[] = [];
    const more = async (count: number): Promise<void> => {
      while (ends.length < count) ends.push(await adapter.connect(address, handlersOf(messages)));
    };
    return {
      async open({ clients }) {
        await more(Number(clients));
        return {};
      },
      ...bound(own, () => ({ ends, messages, more })),
    };
  };
}

function bound<Side>(own: Own<Side>, side: () => Side): Commands {
  return Object.fromEntries(
    Object.entries(own).map(([name, command]) => [name, (params: Params) => command(side(), params)]),
  );
}
