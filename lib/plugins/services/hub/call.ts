import { dataSize } from '../../../base/data-size.ts';
import { BusError } from '../../../base/errors.ts';
import { Withdrawal } from '../../../bus/plugin.ts';
import type { CallRequest } from '../../rpc/internal.ts';
import type { Member } from '../member.ts';

/** How often a call continues to another member that those before handed back. */
const mostHandBacks = 3;

export interface Caller {
  readonly entry: Member;
  readonly isGone: boolean;
}

/** Where a call waits. */
export interface CallHolder {
  drop(call: Call): void;
}

export interface CallDetails {
  readonly caller: Caller;
  readonly service: string;
  readonly key: string | undefined;
  readonly method: string;
  readonly args: readonly unknown[];
  /** May be begun more than once. */
  readonly idempotent: boolean;
  readonly request: CallRequest;
  /** How many nodes it came over. */
  readonly hops?: number;
}

/** A call on its way through the hub: it waits, or a member has it, until it is settled or abandoned by its caller. */
export class Call {
  readonly caller: Caller;
  readonly service: string;
  readonly key: string | undefined;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly idempotent: boolean;
  readonly request: CallRequest;
  readonly hops: number;
  waitsIn: CallHolder | undefined;
  /** On the clock of the bus; since when it has no member. */
  waitsSince = 0;
  isOver = false;
  #settle: { resolve(value: unknown): void; reject(error: unknown): void } | undefined;
  #withdrawal: Withdrawal | undefined;
  #bytes = 0;
  #handBacks = 0;

  constructor({ caller, service, key, method, args, idempotent, request, hops = 0 }: CallDetails) {
    this.caller = caller;
    this.service = service;
    this.key = key;
    this.method = method;
    this.args = args;
    this.idempotent = idempotent;
    this.request = request;
    this.hops = hops;
  }

  /** Whether somebody waits for an answer. */
  get isAsked(): boolean {
    return this.#settle !== undefined;
  }

  /** Settles with the call. Without it, it goes one way. */
  answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.request.whenUnsent(() => this.giveUp());
    });
  }

  /** Begins an attempt with a member. */
  attempt(): Withdrawal {
    this.#withdrawal = new Withdrawal();
    return this.#withdrawal;
  }

  /** Whether the call is still with the member of that attempt. */
  isWith(attempt: Withdrawal): boolean {
    return !this.isOver && this.#withdrawal === attempt;
  }

  resolve(value: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#settle?.resolve(value);
  }

  reject(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#settle?.reject(error);
  }

  /** The member that has it may keep it: nothing that comes from there counts. */
  takeBack(reason: BusError): void {
    const withdrawal = this.#withdrawal;
    this.#withdrawal = undefined;
    withdrawal?.withdraw(reason);
  }

  /** The caller does not wait any more. */
  giveUp(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.waitsIn?.drop(this);
    this.takeBack(new BusError('ERR_ABORTED', 'The caller cancelled the call'));
  }

  /** The member handed it back; false when that happened too often. */
  mayGoOn(): boolean {
    this.#handBacks += 1;
    return this.#handBacks <= mostHandBacks;
  }

  /** The bytes it takes while it waits, looked at once. */
  measure(): number {
    if (this.#bytes === 0) this.#bytes = dataSize(this.args) + this.service.length + (this.key?.length ?? 0);
    return this.#bytes;
  }
}
