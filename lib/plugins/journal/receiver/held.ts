/** What is read ahead, to find keys that nobody is busy with. */
const mostHeld = 1_000;
const mostHeldBytes = 4_194_304;

/** What all consumers of one end have in memory. */
export class Held {
  messages = 0;
  bytes = 0;

  get hasRoom(): boolean {
    return this.messages < mostHeld && this.bytes < mostHeldBytes;
  }

  get isLow(): boolean {
    return this.messages <= mostHeld / 2 && this.bytes <= mostHeldBytes / 2;
  }

  change(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
  }
}
