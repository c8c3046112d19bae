import { BusError } from '../../../base/errors.ts';
import { bytes, flag, listOf, record, type Shape, text } from '../../../base/shape.ts';
import type { BodyData } from '../gateway-event.ts';
import type { HttpServer } from '../http/http-server.ts';
import type { RoutingTable } from '../http/route-table.ts';
import type { WebSocketServer } from '../websocket/websocket-server.ts';

/** A method of one of the servers that workers may call over the bus. */
export interface Verb<Args extends readonly unknown[], Answer> {
  /** The shapes of its arguments, in order. */
  readonly args: { readonly [At in keyof Args]: Shape<Args[At]> };
  readonly answer: Shape<Answer>;
  /** It changes the server for all its users, and needs option `control`. */
  readonly control?: boolean;
  /**
   * Its request has no timeout. `client`: it waits in the queue of the client that its first argument names, and is
   * answered when that client can take more. `server`: it is answered as soon as it arrives.
   */
  readonly patient?: 'client' | 'server';
  /** Its first argument is the id of a client. */
  readonly one?: true;
}

type VerbOf<Method> = Method extends (...args: infer Args) => infer Answer ? Verb<Args, Awaited<Answer>> : never;
type VerbsOf<Server> = { readonly [Name in keyof Server]?: VerbOf<Server[Name]> };

const name = text();
const texts = listOf(text());
const body: Shape<BodyData> = (value): value is BodyData => name(value) || bytes(value);
const whole: Shape<number> = (value): value is number => Number.isInteger(value);
const nothing: Shape<void> = (value): value is void => value === undefined;
const routes: Shape<RoutingTable | readonly string[]> = (value): value is RoutingTable | readonly string[] =>
  texts(value) || (record(value) && Object.values(value).every(texts));

/** An argument that may be left out. */
function optional<Value>(shape: Shape<Value>): Shape<Value | undefined> {
  return (value): value is Value | undefined => value === undefined || shape(value);
}

const toClient = { args: [name, body], answer: whole, patient: 'client', one: true } as const;
const toAll = { args: [body], answer: whole, patient: 'server' } as const;
const toTopic = { args: [name, body], answer: whole, patient: 'server' } as const;
const ofClient = { args: [name], answer: flag, one: true } as const;
const ofTopic = { args: [name, name], answer: flag, one: true } as const;

/** What workers may call of the `HttpServer`, and nothing else of it. */
export const httpVerbs = {
  /** Starts the server unless it listens. Resolves with its port. Rejects with `ERR_REFUSED` without option `control`. */
  startListening: { args: [optional(whole)], answer: whole, control: true },
  /** Stops the server. Resolves with false if it did not listen. Rejects with `ERR_REFUSED` without option `control`. */
  stopListening: { args: [], answer: flag, control: true },
  /** All routes of the server, those of other workers too. */
  getRegisteredRoutes: { args: [optional(name)], answer: routes },
} as const satisfies VerbsOf<HttpServer>;

/** What workers may call of the `WebSocketServer`, and nothing else of it. */
export const webSocketVerbs = {
  /** Starts the server unless it listens. Resolves with its port. Rejects with `ERR_REFUSED` without option `control`. */
  startListening: { args: [optional(whole)], answer: whole, control: true },
  /** Stops the server. Resolves with false if it did not listen. Rejects with `ERR_REFUSED` without option `control`. */
  stopListening: { args: [], answer: flag, control: true },
  /** Sends every message back as it came, beside its event. Rejects with `ERR_REFUSED` without option `control`. */
  setEchoMode: { args: [flag], answer: nothing, control: true },
  /** How many clients are connected, those of other workers too. */
  getNumConnectedClients: { args: [], answer: whole },
  /** The ids of all clients, those of other workers too. */
  getClientIds: { args: [], answer: texts },
  /** Resolves with a `SendStatus` when the client can take more, with `DROPPED` when it left. */
  sendTextMessageToClient: toClient,
  /** Resolves with a `SendStatus` when the client can take more, with `DROPPED` when it left. */
  sendBinaryMessageToClient: toClient,
  /** Resolves with a `SendStatus` when the client can take more, with `DROPPED` when it left. */
  sendCompressedTextMessageToClient: toClient,
  /** To every client of the server, those of other workers too. */
  broadcastTextMessage: toAll,
  /** To every client of the server, those of other workers too. */
  broadcastBinaryMessage: toAll,
  /** To every client of the server, those of other workers too. */
  broadcastCompressedTextMessage: toAll,
  /** False for an unknown client. */
  subscribe: ofTopic,
  /** False if there was no such subscription. */
  unsubscribe: ofTopic,
  /** The topics of a client. */
  getTopics: { args: [name], answer: texts, one: true },
  /** To every subscriber of a topic, those of other workers too. */
  publishText: toTopic,
  /** To every subscriber of a topic, those of other workers too. */
  publishBinary: toTopic,
  /** Closes with a close frame. False for an unknown client. Rejects with `ERR_INVALID_ARGUMENT`. */
  closeClient: { args: [name, optional(whole), optional(name)], answer: flag, one: true },
  /** Closes every client of the server, those of other workers too. Resolves with how many there were. */
  closeAll: { args: [optional(whole), optional(name)], answer: whole },
  /** Passes on no more messages of a client, which has to wait. False for an unknown client. */
  pauseClient: ofClient,
  /** Ends the pause. False for an unknown client. */
  resumeClient: ofClient,
} as const satisfies VerbsOf<WebSocketServer>;

/** The verbs of `Table` as methods of a worker: the server's own signatures, with promises. */
export type RemoteVerbs<Table, Server> = {
  readonly [Name in keyof Table]: Name extends keyof Server ? Promised<Server[Name]> : never;
};
type Promised<Method> = Method extends (...args: infer Args) => infer Answer
  ? (...args: Args) => Promise<Awaited<Answer>>
  : never;

type VerbTable = Readonly<Record<string, Verb<readonly unknown[], unknown>>>;

/** Defines a method for each verb of `table`, which asks by `call` and checks the answer. */
export function defineVerbs<Remote extends object>(
  prototype: Remote,
  table: VerbTable,
  call: (remote: Remote, name: string, args: readonly unknown[], patient: boolean) => Promise<unknown>,
): void {
  for (const [verb, { answer, patient }] of Object.entries(table)) {
    const value = async function (this: Remote, ...args: readonly unknown[]): Promise<unknown> {
      const given = (await call(this, verb, args, patient !== undefined)) ?? undefined;
      if (answer(given)) return given;
      throw new BusError('ERR_PROTOCOL', `The gateway gave no valid answer to ${verb}`);
    };
    Object.defineProperty(prototype, verb, { value, writable: true, configurable: true });
  }
}

/** How calls of workers are carried out. */
export interface Dispatch {
  /** Workers may call the verbs that need `control`. */
  readonly control: boolean;
  /** Carries out what waits for a client. */
  readonly atClient?: (id: string, attempt: () => number) => Promise<number>;
}

/**
 * Calls method `verb` of `server` as a worker asked. @throws BusError `ERR_NO_METHOD` for what `table` does not have,
 * `ERR_REFUSED`, `ERR_INVALID_ARGUMENT`, and what the method throws.
 */
export function callVerb<Server extends HttpServer | WebSocketServer>(
  server: Server,
  table: VerbTable,
  verb: string,
  given: readonly unknown[],
  { control, atClient }: Dispatch,
): unknown {
  const known = Object.hasOwn(table, verb) ? table[verb] : undefined;
  if (known === undefined) throw new BusError('ERR_NO_METHOD', `The gateway has no ${verb.slice(0, 64)}`);
  if (known.control === true && !control)
    throw new BusError('ERR_REFUSED', `Workers can call ${verb} only with option control`);
  const args = known.args.map((shape, at) => {
    const value = given[at] ?? undefined;
    if (!shape(value)) throw new BusError('ERR_INVALID_ARGUMENT', `Argument ${at + 1} of ${verb} has a wrong type`);
    return value;
  });
  // A worker wants a server that listens, whoever started it.
  if (verb === 'startListening' && server.port !== undefined) return server.port;
  const call = (): unknown => Reflect.apply(Reflect.get(server, verb) as (...all: unknown[]) => unknown, server, args);
  if (known.patient !== 'client' || atClient === undefined) return call();
  return atClient(String(args[0]), () => Number(call()));
}
