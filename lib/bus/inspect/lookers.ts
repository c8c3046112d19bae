import type { Operations } from '../../session/operations.ts';
import type { Link } from '../../transport/link.ts';
import type { ClientHello } from '../../wire/handshake/hello.ts';
import type { ResolvedServerOptions } from '../options.ts';
import type { ServerPlatform } from '../platform.ts';
import type { PeerHandle, Plugin } from '../plugin.ts';
import type { Admit, LookersDoor } from '../server/lookers-door.ts';
import { Server } from '../server/server.ts';
import type { InspectOption } from './inspect-option.ts';
import { inspection, type Inspected, nameIn } from './inspection.ts';
import { lookerPayload, LookersProof } from './lookers-proof.ts';

/** Those who look at one server at a time. */
const mostLookers = 16;
/** How long a looker may read nothing of what waits for it. */
const slowMs = 5_000;
const mostUnreadBytes = 4_194_304;

/** A server that listens nowhere, and serves those who look at another one. */
interface LookersServer {
  readonly admit: Admit;
  close(): Promise<void>;
}

/** Those who look at a server. Until one of them proves that it may, there is nothing but this. */
export class Lookers implements LookersDoor {
  /** Of the server that is looked at. */
  readonly platform: ServerPlatform;
  readonly #own: ServerPlatform;
  readonly #proof: LookersProof | undefined;
  readonly #names = new WeakMap<PeerHandle, string>();
  #open: (() => LookersServer) | undefined;
  #server: LookersServer | undefined;

  constructor(inspect: InspectOption['inspect'], platform: ServerPlatform) {
    this.#own = platform;
    this.#proof = inspect === false ? undefined : new LookersProof(inspect?.token);
    const isLooker = ({ extras, busbar }: ClientHello): boolean => extras === lookerPayload && busbar !== undefined;
    this.platform = { ...platform, door: (hello) => (isLooker(hello) ? this : undefined) };
  }

  async admits(link: Link, ask: (question: unknown) => Promise<unknown>): Promise<boolean> {
    return this.#proof !== undefined && (await this.#proof.check(link, ask));
  }

  readonly take: Admit = (...given) => {
    this.#server ??= this.#open?.();
    if (this.#server === undefined) throw new Error('Nobody is looked at');
    return this.#server.admit(...given);
  };

  /** What a client calls itself. */
  readonly nameOf = (peer: PeerHandle): string | undefined => this.#names.get(peer);

  /** Has the server looked at while it runs; `operations`: what follows it. */
  of(inspected: Inspected, operations: Operations<PeerHandle> | undefined): Plugin<undefined, never> {
    const close = async (): Promise<void> => {
      const server = this.#server;
      this.#server = undefined;
      await server?.close();
    };
    return {
      name: 'busbar.inspect',
      install: (host) => {
        this.#open = () => openFor(inspected.options, this.#own, inspection(inspected, host, this.nameOf, operations));
        host.onConnect((peer, payload) => {
          const name = nameIn(payload, host);
          if (name !== undefined) this.#names.set(peer, name);
        });
        host.onClose(close);
        return { api: undefined, dispose: close };
      },
    };
  }
}

function openFor(
  options: ResolvedServerOptions,
  platform: ServerPlatform,
  serve: Plugin<unknown, never>,
): LookersServer {
  const { clock, random, maxMessageBytes, maxDepth, handshakeTimeoutMs } = options;
  let admit: Admit | undefined;
  const server = new Server(
    {
      clock,
      random,
      maxMessageBytes,
      maxDepth,
      handshakeTimeoutMs,
      max: mostLookers,
      maxUnackedBytes: mostUnreadBytes,
      slowConsumer: 'disconnect',
      slowConsumerMs: slowMs,
      sessionGraceMs: 0,
      closeTimeoutMs: 1_000,
    },
    { ...platform, admitter: (given) => (admit = given) },
    false,
  );
  server.use(serve);
  return { admit: admit as unknown as Admit, close: () => server[Symbol.asyncDispose]() };
}
