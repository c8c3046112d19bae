import { BusError } from '../../base/errors.ts';
import type { BodyData } from './gateway-event.ts';
import type { HttpServer } from './http-server.ts';
import type { RoutingTable } from './route-table.ts';
import type { WebSocketServer } from './websocket-server.ts';
import { bytes, flag, type Kind, list, text, whole } from './worker-protocol.ts';

/** A method of one of the servers that workers may call over the bus. */
export interface Verb<Args extends readonly unknown[], Answer> {
  /** What it is called with, one by one. */
  readonly args: { readonly [At in keyof Args]: Kind<Args[At]> };
  readonly answer: Kind<Answer>;
  /** It changes the server for everybody, and needs option `control`. */
  readonly control?: boolean;
  /**
   * `client`: it takes its turn at the client that it names first, and is answered when that one can take more.
   * `server`: it is answered at once, however long the link is down.
   */
  readonly patient?: 'client' | 'server';
}

type VerbOf<Method> = Method extends (...args: infer Args) => infer Answer ? Verb<Args, Awaited<Answer>> : never;
type VerbsOf<Server> = { readonly [Name in keyof Server]?: VerbOf<Server[Name]> };

const body: Kind<BodyData> = {
  name: 'text or bytes',
  is: (value): value is BodyData => text.is(value) || bytes.is(value),
};
const nothing: Kind<void> = { name: 'nothing', is: (value): value is void => value === undefined || value === null };
const texts: Kind<readonly string[]> = {
  name: 'a list of strings',
  is: (value): value is readonly string[] => list.is(value) && value.every(text.is),
};
const routes: Kind<RoutingTable | readonly string[]> = {
  name: 'routes',
  is: (value): value is RoutingTable | readonly string[] =>
    texts.is(value) || (typeof value === 'object' && value !== null && Object.values(value).every(texts.is)),
};

function optional<Value>({ name, is }: Kind<Value>): Kind<Value | undefined> {
  return { name, is: (value): value is Value | undefined => value === undefined || is(value) };
}

const toClient = { args: [text, body], answer: whole, patient: 'client' } as const;
const toAll = { args: [body], answer: whole, patient: 'server' } as const;
const toTopic = { args: [text, body], answer: whole, patient: 'server' } as const;
const ofClient = { args: [text], answer: flag } as const;
const ofTopic = { args: [text, text], answer: flag } as const;

/** What workers may call of the `HttpServer`, and nothing else of it. */
export const httpVerbs = {
  /** Starts the server unless it listens; resolves its port. Rejects `ERR_REFUSED` unless peers may do that. */
  startListening: { args: [optional(whole)], answer: whole, control: true },
  /** Rejects `ERR_REFUSED` unless peers may do that. */
  stopListening: { args: [], answer: flag, control: true },
  /** All routes of the server, of this peer and others. */
  getRegisteredRoutes: { args: [optional(text)], answer: routes },
} as const satisfies VerbsOf<HttpServer>;

/** What workers may call of the `WebSocketServer`, likewise. */
export const webSocketVerbs = {
  /** Starts the server unless it listens; resolves its port. Rejects `ERR_REFUSED` unless peers may do that. */
  startListening: { args: [optional(whole)], answer: whole, control: true },
  /** Rejects `ERR_REFUSED` unless peers may do that. */
  stopListening: { args: [], answer: flag, control: true },
  /** Rejects `ERR_REFUSED` unless peers may do that. */
  setEchoMode: { args: [flag], answer: nothing, control: true },
  /** Those of all peers. */
  getNumConnectedClients: { args: [], answer: whole },
  /** Those of all peers, likewise. */
  getClientIds: { args: [], answer: texts },
  /** Resolves when the client can take more; with `DROPPED` when it left. So do the two that follow. */
  sendTextMessageToClient: toClient,
  sendBinaryMessageToClient: toClient,
  sendCompressedTextMessageToClient: toClient,
  /** To every client of the server, those of other peers too. */
  broadcastTextMessage: toAll,
  broadcastBinaryMessage: toAll,
  broadcastCompressedTextMessage: toAll,
  subscribe: ofTopic,
  unsubscribe: ofTopic,
  getTopics: { args: [text], answer: texts },
  publishText: toTopic,
  publishBinary: toTopic,
  closeClient: { args: [text, optional(whole), optional(text)], answer: flag },
  /** To every client of the server, those of other peers too; resolves how many there were. */
  closeAll: { args: [optional(whole), optional(text)], answer: whole },
  pauseClient: ofClient,
  resumeClient: ofClient,
} as const satisfies VerbsOf<WebSocketServer>;

/** The verbs of `Table` as a worker has them: those of the server, with promises. */
export type RemoteVerbs<Table, Server> = {
  readonly [Name in keyof Table]: Name extends keyof Server ? Promised<Server[Name]> : never;
};
type Promised<Method> = Method extends (...args: infer Args) => infer Answer
  ? (...args: Args) => Promise<Awaited<Answer>>
  : never;

type VerbTable = Readonly<Record<string, Verb<readonly unknown[], unknown>>>;

/** Gives `prototype` a method for each verb of `table`, which calls it by `call` and checks the answer. */
export function defineVerbs<Remote extends object>(
  prototype: Remote,
  table: VerbTable,
  call: (remote: Remote, name: string, args: readonly unknown[], patient: boolean) => Promise<unknown>,
): void {
  for (const [name, { answer, patient }] of Object.entries(table)) {
    const value = async function (this: Remote, ...args: readonly unknown[]): Promise<unknown> {
      const given = (await call(this, name, args, patient !== undefined)) ?? undefined;
      if (answer.is(given)) return given;
      throw new BusError('ERR_PROTOCOL', `the gateway answered ${name} with something else than ${answer.name}`);
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}

/** How verbs are carried out for workers. */
export interface Dispatch {
  /** Workers may call what changes the server for everybody. */
  readonly control: boolean;
  /** Carries out what takes its turn at a client. */
  readonly atClient?: (id: string, attempt: () => number) => Promise<number>;
}

/**
 * Calls `name` of `server` as a worker asked. @throws BusError `ERR_NO_METHOD` for what `table` does not have,
 * `ERR_REFUSED`, `ERR_INVALID_ARGUMENT`, and what the method throws.
 */
export function callVerb<Server extends HttpServer | WebSocketServer>(
  server: Server,
  table: VerbTable,
  name: string,
  given: readonly unknown[],
  { control, atClient }: Dispatch,
): unknown {
  const verb = Object.hasOwn(table, name) ? table[name] : undefined;
  if (verb === undefined) throw new BusError('ERR_NO_METHOD', `the gateway has no ${name.slice(0, 64)}`);
  if (verb.control === true && !control) throw new BusError('ERR_REFUSED', `peers may not call ${name} here`);
  const args = verb.args.map((kind, at) => {
    const value = given[at] ?? undefined;
    if (!kind.is(value)) throw new BusError('ERR_INVALID_ARGUMENT', `an argument is not ${kind.name}`);
    return value;
  });
  // What a worker wants is a server that listens, whoever started it.
  if (name === 'startListening' && server.port !== undefined) return server.port;
  const call = (): unknown => Reflect.apply(Reflect.get(server, name) as (...all: unknown[]) => unknown, server, args);
  if (verb.patient !== 'client' || atClient === undefined) return call();
  return atClient(String(args[0]), () => Number(call()));
}
