import type { BusError } from '../../lib/index.ts';

/** What may end a call when sessions are lost, ends destroyed and deadlines missed on purpose. */
const honestCodes = new Set([
  'ERR_CLOSED',
  'ERR_DESTROYED',
  'ERR_SESSION_LOST',
  'ERR_TIMEOUT',
  'ERR_ABORTED',
  'ERR_CONNECT',
  'ERR_REMOTE',
]);

interface Message {
  readonly from: string;
  readonly number: number;
  rejected: boolean;
  confirmed: boolean;
  taken: boolean;
  reported: boolean;
}

/** The books of one run of a whole bus: what was promised to whom, and what came of it. */
export class BusBooks {
  readonly violations: string[] = [];
  /** Calls whose promise has not settled, by what they are. */
  readonly open = new Map<string, number>();
  readonly #messages = new Map<string, Message[]>();
  readonly #lastTaken = new Map<string, number>();
  readonly #handled = new Set<string>();
  #requests = 0;
  taken = 0;

  /** A new message of `from`, as the data to be sent. */
  message(from: string): { from: string; number: number } {
    const messages = this.#messages.get(from) ?? [];
    this.#messages.set(from, messages);
    const data = { from, number: messages.length };
    messages.push({ ...data, rejected: false, confirmed: false, taken: false, reported: false });
    return data;
  }

  took(data: unknown): void {
    const { from, number } = data as { from: string; number: number };
    const message = this.#messages.get(from)?.[number];
    const last = this.#lastTaken.get(from) ?? -1;
    if (message === undefined) this.violations.push(`${from} never sent ${number}`);
    else message.taken = true;
    if (number <= last) this.violations.push(`${from}: ${number} came after ${last}`);
    this.#lastTaken.set(from, number);
    this.taken += 1;
  }

  undelivered(messages: readonly { readonly data: unknown }[]): void {
    for (const { data } of messages) {
      const { from, number } = data as { from: string; number: number };
      const message = this.#messages.get(from)?.[number];
      if (message === undefined) this.violations.push(`${from}: ${number} is undelivered and was never sent`);
      else message.reported = true;
    }
  }

  /** Follows the promise of a send. */
  sent(data: { from: string; number: number }, promise: Promise<void>, confirm: boolean): void {
    const message = this.#messages.get(data.from)?.[data.number] as Message;
    this.follow(confirm ? 'confirmed send' : 'send', promise).then(
      () => {
        if (confirm && !message.taken) this.violations.push(`${data.from}: ${data.number} was confirmed, not taken`);
        message.confirmed = confirm;
      },
      () => {
        message.rejected = true;
      },
    );
  }

  /** A request, as the data to ask with. */
  request(): { request: string } {
    this.#requests += 1;
    return { request: `${this.#requests}` };
  }

  handled(data: unknown): void {
    const { request } = data as { request: string };
    if (request === 'survey') return;
    if (this.#handled.has(request)) this.violations.push(`request ${request} was handled twice`);
    this.#handled.add(request);
  }

  asked(data: { request: string }, promise: Promise<unknown>): void {
    this.follow('request', promise).then(
      (answer) => {
        if (answer !== `answer to ${data.request}`)
          this.violations.push(`request ${data.request} got ${String(answer)}`);
        if (!this.#handled.has(data.request)) this.violations.push(`request ${data.request} was answered by nobody`);
      },
      () => {},
    );
  }

  follow<T>(what: string, promise: Promise<T>): Promise<T> {
    this.open.set(what, (this.open.get(what) ?? 0) + 1);
    const settled = (): void => void this.open.set(what, (this.open.get(what) ?? 0) - 1);
    promise.then(settled, (error: BusError) => {
      settled();
      if (!honestCodes.has(error.code)) this.violations.push(`${what}: ${error.code} ${error.message}`);
    });
    return promise;
  }

  /** What is wrong at the end, when all is closed; `lossless`: nobody was destroyed and no session was lost. */
  audit(lossless: boolean): string[] {
    const wrong = [...this.violations];
    for (const [what, count] of this.open) if (count > 0) wrong.push(`${count} promises of a ${what} never settled`);
    for (const messages of this.#messages.values()) {
      for (const { from, number, taken, reported, rejected, confirmed } of messages) {
        if (confirmed && (reported || rejected)) wrong.push(`${from}: ${number} was confirmed and given back`);
        if (!taken && !reported && !rejected) wrong.push(`${from}: ${number} is gone without a word`);
        if (!taken && lossless) wrong.push(`${from}: ${number} is lost`);
      }
    }
    return wrong;
  }
}
