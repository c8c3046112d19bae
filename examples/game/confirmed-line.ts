export interface Outlet<Message> {
  send(message: Message, settings: { confirm: true }): Promise<void>;
}

/**
 * Sends messages that must arrive: each is kept until the other process confirmed it. When that process was killed, its
 * successor gets what it left unconfirmed, in order. Some of that may have been taken just before the end, so the
 * receiver passes over numbers it knows.
 */
export class ConfirmedLine<Message> {
  /** Messages that were sent once more. */
  again = 0;
  #outlet: Outlet<Message> | undefined;
  readonly #unconfirmed = new Set<{ readonly message: Message; readonly confirmed: () => void }>();
  #idle: (() => void)[] = [];

  /** Resolves when the message is confirmed, however many processes that takes. */
  send(message: Message): Promise<void> {
    return new Promise((confirmed) => {
      const entry = { message, confirmed };
      this.#unconfirmed.add(entry);
      this.#post(entry);
    });
  }

  /** Goes on with another process at the other end. */
  open(outlet: Outlet<Message>): void {
    const first = this.#outlet === undefined;
    this.#outlet = outlet;
    for (const entry of this.#unconfirmed) {
      if (!first) this.again += 1;
      this.#post(entry);
    }
  }

  /** Resolves when everything is confirmed. */
  async idle(): Promise<void> {
    if (this.#unconfirmed.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #post(entry: { readonly message: Message; readonly confirmed: () => void }): void {
    this.#outlet?.send(entry.message, { confirm: true }).then(
      () => {
        this.#unconfirmed.delete(entry);
        entry.confirmed();
        if (this.#unconfirmed.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
      },
      // The process at the other end is gone; `open` sends this to the next one.
      () => {},
    );
  }
}
