import { expectTypeOf } from 'expect-type';
import { describe, it } from 'mocha';
import type { EventEmitter } from 'eventemitter3';
import {
  type ConnectingPeer,
  type BusError,
  Client,
  type ClientOptions,
  type ClientReadyEvent,
  type Connection,
  type Context,
  type Contract,
  definePlugin,
  type PromiseSettled,
  type Respond,
  type Sendable,
  Server,
  type ServerOptions,
  type SurveyAnswer,
  type SurveyResult,
} from '../../lib/index.ts';
import { callOptions } from '../../lib/plugins/rpc/index.ts';

interface Game {
  readonly toServer: {
    readonly message: { readonly move: [number, number] };
    readonly request: { readonly spawn: string };
    readonly response: { readonly id: number };
  };
  readonly toClient: {
    readonly message: { readonly tick: number };
    readonly request: 'status';
    readonly response: boolean;
  };
  readonly payload: { readonly token: string };
}

/** What is checked here is checked by the compiler; the ends are never connected. */
describe('types of a contract', () => {
  const server = new Server<Game>({ url: 'memory:types' });
  const client = new Client<Game>({ url: 'memory:types' });

  it('say what a client sends and hears', () => {
    expectTypeOf(client.send).parameter(0).toEqualTypeOf<Sendable<{ readonly move: [number, number] }>>();
    expectTypeOf(client.request).parameter(0).toEqualTypeOf<Sendable<{ readonly spawn: string }>>();
    expectTypeOf(client.request).returns.resolves.toEqualTypeOf<{ readonly id: number }>();
    type Token = { readonly token: string };
    expectTypeOf(client.connect).parameter(0).toEqualTypeOf<Token | (() => Token | PromiseLike<Token>) | undefined>();
    expectTypeOf(client.connect).returns.resolves.toEqualTypeOf<Client<Game>>();
    expectTypeOf(client.messages()).toEqualTypeOf<AsyncIterableIterator<{ readonly tick: number }>>();
    client.on('message', (message) => expectTypeOf(message).toEqualTypeOf<{ readonly tick: number }>());
    client.on('request', (request, respond) => {
      expectTypeOf(request).toEqualTypeOf<'status'>();
      expectTypeOf(respond.context.peer.request).parameter(0).toEqualTypeOf<Sendable<{ readonly spawn: string }>>();
      expectTypeOf(respond).toBeCallableWith(true);
    });
    client.handle((request, context) => {
      expectTypeOf(request).toEqualTypeOf<'status'>();
      expectTypeOf(context).toEqualTypeOf<Context<Client<Game>>>();
      return true;
    });
    client.off('message').off('request').handle(undefined);
  });

  it('say what a server sends and hears', () => {
    expectTypeOf(server.broadcast).parameter(0).toEqualTypeOf<Sendable<{ readonly tick: number }>>();
    expectTypeOf(server.survey).parameter(0).toEqualTypeOf<Sendable<'status'>>();
    expectTypeOf(server.survey).returns.resolves.toEqualTypeOf<SurveyResult<boolean>[]>();
    expectTypeOf(server.ping).returns.resolves.toEqualTypeOf<SurveyResult<number>[]>();
    expectTypeOf(server.surveyStream).returns.toEqualTypeOf<
      AsyncGenerator<SurveyAnswer<Connection<Game>, boolean>, void, void>
    >();
    expectTypeOf(server.connections).toEqualTypeOf<Connection<Game>[]>();
    expectTypeOf(server.connection).returns.toEqualTypeOf<Connection<Game> | undefined>();
    server.on('connect', (connection, payload) => {
      expectTypeOf(connection).toEqualTypeOf<Connection<Game>>();
      expectTypeOf(payload).toEqualTypeOf<{ readonly token: string }>();
      expectTypeOf(connection.send).parameter(0).toEqualTypeOf<Sendable<{ readonly tick: number }>>();
      expectTypeOf(connection.request).parameter(0).toEqualTypeOf<Sendable<'status'>>();
      expectTypeOf(connection.request).returns.resolves.toEqualTypeOf<boolean>();
      expectTypeOf(connection.messages()).toEqualTypeOf<AsyncIterableIterator<{ readonly move: [number, number] }>>();
    });
    server.on('message', (message, connection) => {
      expectTypeOf(message).toEqualTypeOf<{ readonly move: [number, number] }>();
      expectTypeOf(connection).toEqualTypeOf<Connection<Game> | undefined>();
    });
    server.on('error', (error, connection) => {
      expectTypeOf(error).toEqualTypeOf<BusError>();
      expectTypeOf(connection).toEqualTypeOf<Connection<Game> | undefined>();
    });
    server.on('request', (request, respond, connection) => {
      expectTypeOf(request).toEqualTypeOf<{ readonly spawn: string }>();
      expectTypeOf(respond).toEqualTypeOf<Respond<{ readonly id: number }, Connection<Game>>>();
      expectTypeOf(connection).toEqualTypeOf<Connection<Game>>();
    });
    server.handle((request, context) => {
      expectTypeOf(request).toEqualTypeOf<{ readonly spawn: string }>();
      expectTypeOf(context).toEqualTypeOf<Context<Connection<Game>>>();
      return { id: 1 };
    });
    server.removeAllListeners();
  });

  it('say what payload authorize looks at', () => {
    const open = new Server<Game>({
      url: 'memory:types',
      authorize: (payload, peer) => {
        expectTypeOf(payload).toEqualTypeOf<{ readonly token: string }>();
        expectTypeOf(peer).toEqualTypeOf<ConnectingPeer>();
        return payload.token === 'x';
      },
    });
    const options: ServerOptions<Contract> = {
      authorize: (payload) => {
        expectTypeOf(payload).toBeUnknown();
        return payload === 'x';
      },
    };
    const free: ServerOptions = { authorize: (payload: { readonly name: string }) => payload.name === 'x' };
    expectTypeOf(free.authorize).parameter(0).toBeAny();
    // @ts-expect-error the payload has a token and no name
    expectTypeOf<ServerOptions<Game>>().toMatchTypeOf({ authorize: (payload: { readonly name: string }) => !payload });
    for (const handler of [(_: unknown, { peer }: Context) => peer.id !== '']) new Server(options).handle(handler);
    open.removeAllListeners();
  });

  it('have idempotent where it is used', () => {
    expectTypeOf(client.request).toBeCallableWith({ spawn: 'x' }, { idempotent: true, timeout: 1 });
    expectTypeOf(callOptions).toBeCallableWith({ idempotent: true });
    // @ts-expect-error no session follows the one of a connection
    server.on('connect', (connection) => connection.request('status', { idempotent: true }));
    // @ts-expect-error a ping is answered or not
    expectTypeOf(client.ping).toBeCallableWith(1, { idempotent: true });
    // @ts-expect-error a survey asks those who are there
    expectTypeOf(server.survey).toBeCallableWith('status', { idempotent: true });
    server.removeAllListeners();
  });

  it('have a key where a request is durable, or may be', () => {
    const key = ['k'].at(0);
    expectTypeOf(client.request).toBeCallableWith({ spawn: 'x' }, { durable: true, key });
    expectTypeOf(client.request).toBeCallableWith({ spawn: 'x' }, { durable: key === 'k', key: 'k', timeout: 1 });
    expectTypeOf(client.request).toBeCallableWith({ spawn: 'x' }, { durable: true });
    // @ts-expect-error only a durable request has a key
    expectTypeOf(client.request).toBeCallableWith({ spawn: 'x' }, { key: 'k' });
  });

  it('refuse what is not in the contract', () => {
    // @ts-expect-error a move is two numbers
    expectTypeOf(client.send).toBeCallableWith({ move: 'north' });
    // @ts-expect-error there is no such request
    expectTypeOf(client.request).toBeCallableWith({ despawn: 'x' });
    // @ts-expect-error the payload has a token
    expectTypeOf(client.connect).toBeCallableWith({ name: 'x' });
    // @ts-expect-error a tick is a number
    expectTypeOf(server.broadcast).toBeCallableWith({ tick: 'x' });
    // @ts-expect-error the answer has an id
    server.handle(() => ({ name: 'x' }));
    // @ts-expect-error there is no such event
    expectTypeOf(client.on).toBeCallableWith('mesage', () => {});
    server.handle(undefined);
  });

  it('are unknown where a contract leaves them out', () => {
    const open = new Client<Contract>({ url: 'memory:types' });
    expectTypeOf(open.send).parameter(0).toBeUnknown();
    expectTypeOf(open.request).returns.resolves.toBeUnknown();
    open.on('message', (message) => expectTypeOf(message).toBeUnknown());
    const half = new Server<{ readonly toServer: { readonly message: string } }>({ url: 'memory:types' });
    half.on('message', (message) => expectTypeOf(message).toEqualTypeOf<string>());
    half.on('request', (request) => expectTypeOf(request).toBeUnknown());
    half.on('connect', (_, payload) => expectTypeOf(payload).toBeUnknown());
  });

  it('are any where there is no contract, as with net-ipc', () => {
    const free = new Client({ url: 'memory:types' });
    expectTypeOf(free.send).parameter(0).toBeAny();
    expectTypeOf(free.connect).parameter(0).toBeAny();
    expectTypeOf(free.request).returns.resolves.toBeAny();
    free.on('message', (message) => expectTypeOf(message).toBeAny());
    const hub = new Server({ url: 'memory:types' });
    hub.on('connect', (connection, payload) => {
      expectTypeOf(payload).toBeAny();
      expectTypeOf(connection).toEqualTypeOf<Connection>();
      expectTypeOf(connection.request).returns.resolves.toBeAny();
    });
    hub.on('request', (request: { readonly kind: string }, respond: (data: any) => Promise<void>) =>
      respond(request.kind),
    );
    const values = (results: PromiseSettled[]): string[] => results.map(({ value, reason }) => value ?? reason);
    values([]);
    expectTypeOf(values).toBeCallableWith([] as Awaited<ReturnType<typeof hub.survey>>);
  });

  it('let a class extend them with events, options and methods of its own', () => {
    interface OwnEvents {
      debug: [text: string];
      ready: [info: ClientReadyEvent];
    }
    interface OwnOptions extends ClientOptions {
      readonly agent: string;
    }
    // oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- how such classes are written
    interface Own {
      on<Name extends keyof OwnEvents>(event: Name, listener: (...args: OwnEvents[Name]) => unknown): this;
    }
    class Own extends Client {
      constructor(options: OwnOptions) {
        super(options);
        this.emit('debug', options.agent);
      }
      override connect(args: object = {}): Promise<this> {
        return super.connect({ ...args, agent: 'x' });
      }
      override async send(message: { text?: string; [name: string]: any }): Promise<void> {
        await super.send(JSON.stringify(message));
      }
    }
    const extended = new Own({ url: 'memory:types', agent: 'x' });
    extended.on('debug', (text) => expectTypeOf(text).toEqualTypeOf<string>());
    extended.on('ready', (info) => expectTypeOf(info.id).toEqualTypeOf<string>());
    const emitters: [EventEmitter, NodeJS.EventEmitter] = [client, server];
    emitters.pop();
  });

  it('follow from the side a plugin is used on', () => {
    const plugin = definePlugin({
      name: 'types',
      server: () => ({ api: { serve: (): number => 1 } }),
      client: () => ({ api: { call: (): string => 'x' } }),
    });
    expectTypeOf(server.use(plugin)).toEqualTypeOf<{ serve: () => number }>();
    expectTypeOf(client.use(plugin)).toEqualTypeOf<{ call: () => string }>();
  });
});
