import type { Timer } from '../../lib/base/clock.ts';
import { LinkPort } from '../../lib/session/link-port.ts';
import type { ServerHello } from '../../lib/wire/handshake/hello.ts';
import { protocolVersion } from '../../lib/wire/native/header.ts';
import { ClientHandshake } from '../../lib/wire/handshake/client-handshake.ts';
import { type Draft, End } from './end.ts';
import type { WireEnd } from './wire.ts';
import type { World } from './world.ts';

const handshakeTimeoutMs = 300;

/** Dials until a server answers, and resumes its session, as a client of the bus does. */
export class SimClient {
  readonly index: number;
  readonly drafts: Draft[] = [];
  end: End | undefined;
  token: string | undefined;
  readonly #world: World;
  #port: LinkPort | undefined;
  #timer: Timer | undefined;
  #killed = false;

  constructor(world: World, index: number) {
    this.#world = world;
    this.index = index;
    this.#dialIn(0);
  }

  /** The link in use, as the wire it is. */
  get wire(): WireEnd | undefined {
    return this.#port?.link as WireEnd | undefined;
  }

  get killed(): boolean {
    return this.#killed;
  }

  kill(): void {
    this.#killed = true;
    this.#timer?.cancel();
    this.#port?.forget();
    this.#port?.destroy();
    this.#port = undefined;
    this.end?.session.finish();
  }

  send(draft: Draft): void {
    if (this.end === undefined) this.drafts.push(draft);
    else this.end.send(draft);
  }

  #dialIn(ms: number): void {
    if (this.#killed) return;
    this.#timer = this.#world.clock.setTimer(() => {
      const link = this.#world.dial(this.index);
      if (link === undefined) this.#dialIn(this.#world.backoffMs());
      else this.#open(new LinkPort(link, this.#world.clock));
    }, ms);
  }

  #open(port: LinkPort): void {
    const received = this.end?.session.received;
    const offer = { versions: [protocolVersion], features: ['records'], maxFrameBytes: 1_048_576 };
    const resume = this.token === undefined || received === undefined ? undefined : { token: this.token, received };
    const busbar = resume === undefined ? offer : { ...offer, resume };
    const hello = { compress: false, messagepack: false, extras: this.index, id: this.token ?? null, busbar };
    const opening = new ClientHandshake({ hello });
    const giveUp = (): void => {
      this.#timer?.cancel();
      port.forget();
      port.destroy();
      this.#port = undefined;
      this.#dialIn(this.#world.backoffMs());
    };
    this.#port = port;
    this.#timer = this.#world.clock.setTimer(giveUp, handshakeTimeoutMs);
    port.read({
      read: (bytes) => {
        let step: ReturnType<ClientHandshake['feed']>;
        try {
          step = opening.feed(bytes);
        } catch (error) {
          if (!this.#world.corrupted) throw error;
          giveUp();
          return;
        }
        if (step?.type !== 'open') return;
        this.#timer?.cancel();
        this.#opened(port, step.hello);
        if (step.rest.length > 0) port.data(step.rest);
      },
      drained() {},
      closed: giveUp,
      failed: giveUp,
    });
    port.write(opening.start());
  }

  #opened(port: LinkPort, hello: ServerHello): void {
    const offer = hello.busbar;
    const before = this.end;
    const received = offer?.received ?? 0;
    if (offer?.outcome === 'resumed' && before?.session.canReplay(received) !== true) {
      this.#world.violated(`client/${this.index} cannot replay from ${received}`);
    }
    const resumed = offer?.outcome === 'resumed' ? before : undefined;
    const end = resumed ?? this.#begin(hello.id);
    end.read(port, () => this.#linkLost(port));
    if (!end.session.attach(port, received)) this.#world.violated(`client/${this.index} could not attach`);
    end.settled();
  }

  #begin(token: string): End {
    if (this.end !== undefined) {
      if (!this.#world.mayLose(this.token ?? '')) this.#world.violated(`client/${this.index} lost its session`);
      this.end.finish();
    }
    const { toServer, toClient } = this.#world.books(token);
    this.token = token;
    this.end = new End(this.#world, `client/${this.index}`, this.index, toServer, toClient, this.drafts, {
      broken: () => {
        this.#port?.destroy();
        this.#linkLost(this.#port);
      },
    });
    return this.end;
  }

  #linkLost(port: LinkPort | undefined): void {
    if (this.#killed || port === undefined || this.#port !== port) return;
    port.forget();
    this.#port = undefined;
    this.end?.session.detach();
    this.#dialIn(this.#world.backoffMs());
  }
}
