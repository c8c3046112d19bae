import type { Server } from 'busbar';

/** What clients of the shop ask. */
export interface Order {
  readonly item: string;
  readonly count: number;
}

/** The shop: its stock, and a fault. An order of more than there is leaves less than nothing. */
export class Shop {
  readonly stock = new Map([
    ['hat', 10],
    ['coat', 5],
  ]);
  readonly #pack: (order: Order) => Promise<unknown>;

  /** `pack` has what was ordered packed. */
  constructor(pack: (order: Order) => Promise<unknown>) {
    this.#pack = pack;
  }

  /** Answers orders with what is left. */
  serve(server: Server): void {
    server.handle(async (asked) => {
      const { item, count } = asked as Order;
      const left = (this.stock.get(item) ?? 0) - count;
      this.stock.set(item, left);
      await this.#pack({ item, count });
      return { left };
    });
  }
}
