import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { afterEach, before, beforeEach } from 'mocha';
import type { Connection } from '../../../../lib/index.ts';
import type { OfferMessage } from '../../../../lib/plugins/interserve/protocol.ts';
import { BareClient } from './bare-client.ts';
import { hasCurl, withKey } from './curl.ts';
import { TransferBus } from './transfer-bus.ts';

/** What is transferred unless a spec says otherwise. */
export const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7) % 256));
export const sha256 = createHash('sha256').update(content).digest('hex');
/** The header that tells it, for curl. */
export const digest = ['-H', `Repr-Digest: sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`];

/** A bus with the id `map` and one client, which speaks by hand and leaves HTTP to curl. */
export class BareBus {
  readonly bus: TransferBus;
  readonly bare: BareClient;
  /** The client as the server sees it. */
  readonly peer: Connection;

  private constructor(bus: TransferBus, bare: BareClient, peer: Connection) {
    this.bus = bus;
    this.bare = bare;
    this.peer = peer;
  }

  static async start(...args: Parameters<typeof TransferBus.start>): Promise<BareBus> {
    const bus = await TransferBus.start(...args);
    bus.transfers.add('map');
    const bare = new BareClient(bus);
    return new BareBus(bus, bare, await bus.join(bare.client));
  }

  /** Sends to the client and waits for the offer: where it is fetched, with curl's arguments for the key. */
  async offered(data: Parameters<TransferBus['transfers']['send']>[1] = content) {
    const handle = this.bus.transfers.send('map', data, this.peer);
    const offer = await this.bare.offer();
    return { handle, offer, url: offer.url(this.bus.port), key: withKey(offer.place.key) };
  }

  /** The client asks to upload and is granted a place, likewise. */
  async granted(transfer: number, { size }: { size?: number } = { size: content.length }) {
    const { place, answer } = this.bare.ask(transfer, 'map', size);
    const { path, key } = await place;
    return { answer, url: `http://127.0.0.1:${this.bus.port}${path}`, key: withKey(key) };
  }

  /** The client answers that it took the content. */
  taken(offer: OfferMessage): void {
    this.bare.answer(offer.transfer, { ok: true, receipt: { bytes: content.length, sha256, resumed: 0 } });
  }
}

type Settings = Parameters<typeof BareBus.start>;

/**
 * Hands each spec of a suite a bus, which closes after it; nothing may have reached `error`. What it returns hands over
 * another one, for a spec that has closed the first.
 */
export function eachBareBus(use: (rig: BareBus) => void): (...settings: Settings) => Promise<void> {
  let rig: BareBus;
  const start = async (...settings: Settings): Promise<void> => {
    rig = await BareBus.start(...settings);
    use(rig);
  };
  before(function () {
    if (!hasCurl) this.skip();
  });
  beforeEach(() => start());
  afterEach(async () => {
    await rig.bus.close();
    expect(rig.bus.errors).to.deep.equal([]);
  });
  return start;
}
