import type { DurableDeadLetters } from '../../../bus/plugin.ts';
import { type FoundLetter, noDeadLetter } from '../inbox/dead-letters.ts';
import type { InboxLog } from '../inbox/inbox-log.ts';

export interface LetterBoxOptions {
  /** Rejects where the folder is not open, and is not to be opened. */
  begun(): Promise<InboxLog>;
  /** One is handled again, as if it had just come. */
  revived(): void;
  /** One that the peer refused is sent to it again. */
  resend(folder: string, body: Uint8Array): Promise<void>;
  /** Of the peer that has this folder alone; undefined while it has none. Throws where its session is over. */
  readonly of?: (() => string | undefined) | undefined;
}

/** The dead letters of one end, or those from one peer and to it, as users see them. */
export class LetterBox implements DurableDeadLetters {
  readonly #options: LetterBoxOptions;

  constructor(options: LetterBoxOptions) {
    this.#options = options;
  }

  async list(): Promise<Awaited<ReturnType<DurableDeadLetters['list']>>> {
    const { begun, of } = this.#options;
    const { deadLetters } = await begun();
    if (of === undefined) return deadLetters.list();
    const folder = of();
    return folder === undefined ? [] : deadLetters.list(folder);
  }

  async retry(id: string): Promise<void> {
    const { revived, resend } = this.#options;
    const { inbox, letter } = await this.#find(id);
    const { mark, data } = letter;
    if (mark.isSent === true) {
      await inbox.deadLetters.carryOff(letter, () => resend(mark.folder, data));
    } else {
      await inbox.revive(letter);
      revived();
    }
  }

  async discard(id: string): Promise<void> {
    const { inbox } = await this.#find(id);
    await inbox.deadLetters.discard(id);
  }

  async #find(id: string): Promise<{ readonly inbox: InboxLog; readonly letter: FoundLetter }> {
    const { begun, of } = this.#options;
    const inbox = await begun();
    const letter = await inbox.deadLetters.find(id);
    if (of !== undefined && letter.mark.folder !== of()) throw noDeadLetter(id);
    return { inbox, letter };
  }
}
