import type { Timer } from '../../lib/base/clock.ts';
import { LinkPort } from '../../lib/session/link-port.ts';
import type { ClientHello, ServerHello } from '../../lib/wire/handshake/hello.ts';
import { protocolVersion } from '../../lib/wire/native/header.ts';
import { acceptHello } from '../../lib/wire/handshake/refusal.ts';
import { ServerHandshake } from '../../lib/wire/handshake/server-handshake.ts';
import { type Draft, End } from './end.ts';
import { Ledger } from './ledger.ts';
import type { WireEnd } from './wire.ts';
import type { World } from './world.ts';

/** The server's end of one session. */
export interface Held {
  readonly token: string;
  readonly client: number;
  readonly end: End;
  readonly drafts: Draft[];
  readonly toServer: Ledger;
  readonly toClient: Ledger;
  port: LinkPort | undefined;
  grace: Timer | undefined;
}

/** Admits links and gives them their sessions back, as a server of the bus does. */
export class SimServer {
  readonly sessions = new Map<string, Held>();
  readonly #world: World;
  readonly #ports = new Set<LinkPort>();
  #killed = false;
  #tokens = 0;

  constructor(world: World) {
    this.#world = world;
  }

  accept(link: WireEnd): void {
    const port = new LinkPort(link, this.#world.clock);
    this.#ports.add(port);
    const opening = new ServerHandshake();
    const deadline = this.#world.clock.setTimer(() => leave(), 500);
    const leave = (): void => {
      deadline.cancel();
      this.#ports.delete(port);
      port.forget();
      port.destroy();
    };
    port.read({
      read: (bytes) => {
        try {
          for (const step of opening.feed(bytes)) {
            if (step.type !== 'hello') continue;
            deadline.cancel();
            this.#admit(port, step.hello);
            if (step.rest.length > 0) port.data(step.rest);
          }
        } catch (error) {
          if (!this.#world.corrupted) throw error;
          leave();
        }
      },
      drained() {},
      closed: leave,
      failed: leave,
    });
  }

  /** The process dies: nothing is said to anybody, and nothing is left. */
  kill(): void {
    this.#killed = true;
    for (const held of [...this.sessions.values()]) this.#over(held);
    for (const port of this.#ports) {
      port.forget();
      port.destroy();
    }
  }

  #admit(port: LinkPort, hello: ClientHello): void {
    const resume = hello.busbar?.resume;
    const held = resume === undefined ? undefined : this.sessions.get(resume.token);
    if (held === undefined || resume === undefined) {
      this.#begin(port, Number(hello.extras), resume === undefined ? 'fresh' : 'lost');
      return;
    }
    if (resume.received < held.end.session.ackedByPeer) {
      // A link that was overtaken by a newer one of the same session.
      this.#world.log('stale', held.client, resume.received);
      this.#ports.delete(port);
      port.forget();
      port.destroy();
      return;
    }
    if (!held.end.session.canReplay(resume.received)) {
      this.#world.violated(`server cannot replay from ${resume.received}`);
      this.#over(held);
      this.#begin(port, held.client, 'lost');
      return;
    }
    const { session } = held.end;
    const received = this.#world.parts.received(session);
    port.write(acceptHello(serverHello(held.token, 'resumed', received)));
    const before = held.port;
    before?.forget();
    before?.destroy();
    session.detach();
    held.grace?.cancel();
    this.#attach(held, port, resume.received);
  }

  #begin(port: LinkPort, client: number, outcome: 'fresh' | 'lost'): void {
    const token = `${this.#world.incarnation}.${++this.#tokens}`;
    const toServer = new Ledger();
    const toClient = new Ledger();
    const drafts: Draft[] = [];
    const end = new End(this.#world, `server/${client}`, client, toClient, toServer, drafts, {
      broken: () => {
        const { port: broken } = held;
        broken?.destroy();
        this.#linkLost(held, broken);
      },
    });
    const held: Held = { token, client, end, drafts, toServer, toClient, port, grace: undefined };
    this.sessions.set(token, held);
    this.#world.opened(held);
    port.write(acceptHello(serverHello(token, outcome, 0)));
    this.#attach(held, port, 0);
  }

  #attach(held: Held, port: LinkPort, received: number): void {
    this.#ports.delete(port);
    held.port = port;
    held.end.read(port, () => this.#linkLost(held, port));
    if (!held.end.session.attach(port, received)) this.#world.violated('server could not attach');
    held.end.settled();
  }

  #linkLost(held: Held, port: LinkPort | undefined): void {
    if (this.#killed || port === undefined || held.port !== port) return;
    port.forget();
    held.port = undefined;
    held.end.session.detach();
    held.grace = this.#world.clock.setTimer(() => this.#over(held), this.#world.graceMs);
  }

  #over(held: Held): void {
    if (!this.sessions.delete(held.token)) return;
    held.grace?.cancel();
    held.port?.forget();
    if (this.#killed) held.end.session.finish();
    else held.end.finish();
    held.port?.destroy();
    held.port = undefined;
    this.#world.ended(held);
  }
}

function serverHello(token: string, outcome: 'fresh' | 'resumed' | 'lost', received: number): ServerHello {
  const offer = { version: protocolVersion, features: ['records'], maxFrameBytes: 1_048_576, outcome, received };
  return { id: token, compress: false, messagepack: false, busbar: { ...offer, graceMs: 0, token } };
}
