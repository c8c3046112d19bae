import { MemoryFaults, MemoryNetwork, SeededRandom, VirtualClock } from 'busbar/testing';
import { openShop, openStock } from './stock.ts';

export interface Outcome {
  /** Orders the shop was told of as taken. */
  readonly confirmed: number;
  /** Pieces the stock has left. */
  readonly left: number;
  /** Links that were opened. */
  readonly links: number;
  /** What all that took on the virtual clock. */
  readonly virtualMs: number;
}

/** Sends 100 orders over a network that `seed` makes fail. The same seed gives the same outcome, in no time. */
export async function ordersThroughFaults(seed: number): Promise<Outcome> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  let links = 0;
  const faults = new MemoryFaults({
    random,
    plan: () => {
      links += 1;
      return {
        refuse: random.chance(0.2),
        toServer: { cutAtByte: random.between(250, 800), sliceBytes: 50 },
        toClient: random.chance(0.2) ? { blackHoleAtByte: random.between(200, 500) } : undefined,
      };
    },
  });
  const network = new MemoryNetwork({ faults });
  const options = { url: 'memory:stock', clock, random, network };

  const stock = await openStock(options, 1_000);
  const opening = openShop({ ...options, retries: 100 });
  await clock.run(60_000);
  const shop = await opening;

  let confirmed = 0;
  for (let number = 1; number <= 100; number++) {
    shop.order({ number, pieces: 1 }).then(
      () => (confirmed += 1),
      () => {},
    );
    await clock.run(random.between(0, 20));
  }
  await clock.run(10 * 60_000);
  const outcome = { confirmed, left: stock.left(), links, virtualMs: clock.now() };
  shop.client.destroy();
  const closed = stock.server.close();
  await clock.run(60_000);
  await closed;
  return outcome;
}
