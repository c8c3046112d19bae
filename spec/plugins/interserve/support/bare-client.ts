import { Client, definePlugin, type Lane } from '../../../../lib/index.ts';
import { type OfferMessage, type Place, readControl } from '../../../../lib/plugins/interserve/protocol.ts';
import type { TransferBus } from './transfer-bus.ts';

interface Waiting {
  readonly matches: (message: unknown) => boolean;
  readonly resolve: (message: unknown) => void;
}

/** A client that speaks the control messages by hand and leaves HTTP to whoever asks it for endpoints. */
export class BareClient {
  readonly client: Client;
  readonly #lane: Lane;
  readonly #seen: unknown[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #answers = new Map<number, (answer: unknown) => void>();

  constructor(bus: TransferBus) {
    // It owes answers that no spec needs when it closes.
    this.client = new Client({ host: '127.0.0.1', port: bus.server.port, closeTimeoutMs: 1 });
    const lanes: Lane[] = [];
    this.client.use(
      definePlugin({
        name: 'interserve',
        server: () => ({ api: undefined }),
        client: (host) => {
          lanes.push(
            host.lane({
              message: (data) => this.#heard(data),
              request: (data) => {
                this.#heard(data);
                return new Promise((resolve) => this.#answers.set(readControl(data).transfer, resolve));
              },
            }),
          );
          return { api: undefined };
        },
      }),
    );
    const [lane] = lanes;
    if (lane === undefined) throw new Error('The plugin was not installed');
    this.#lane = lane;
  }

  /** The next offer. */
  async offer(): Promise<OfferMessage & { url: (port: number) => string }> {
    const message = readControl(await this.next('offer'));
    if (message.op !== 'offer') throw new Error('No offer');
    return { ...message, url: (port) => `http://127.0.0.1:${port}${message.place.path}` };
  }

  /** Settles an offer as the client's own plugin would. */
  answer(transfer: number, answer: unknown): void {
    this.#answers.get(transfer)?.(answer);
  }

  /** Asks for an upload; `place` comes if it is granted, `answer` when it is over. */
  ask(transfer: number, id: string, size: number | undefined): { place: Promise<Place>; answer: Promise<unknown> } {
    const content = { id, kind: 'bytes', size, name: undefined };
    const answer = this.#lane.request(this.client, { op: 'ask', transfer, content }, { timeout: 0 });
    answer.catch(() => {});
    const place = this.next('place', transfer).then((data) => {
      const message = readControl(data);
      if (message.op !== 'place') throw new Error('No place');
      return message.place;
    });
    return { place, answer };
  }

  send(message: object): Promise<void> {
    return this.#lane.send(this.client, message);
  }

  /** The first message of this kind, and number if one is given, that was not taken yet. */
  next(op: string, transfer?: number): Promise<unknown> {
    const matches = (data: unknown) => {
      const message = readControl(data);
      return message.op === op && (transfer === undefined || message.transfer === transfer);
    };
    const at = this.#seen.findIndex(matches);
    if (at !== -1) return Promise.resolve(this.#seen.splice(at, 1)[0]);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  #heard(data: unknown): void {
    const at = this.#waiting.findIndex(({ matches }) => matches(data));
    if (at === -1) this.#seen.push(data);
    else this.#waiting.splice(at, 1)[0]?.resolve(data);
  }
}
