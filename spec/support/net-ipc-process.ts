import { type ChildProcess, fork } from 'node:child_process';
import type { Order } from './net-ipc-child.ts';

const childFile = new URL('./net-ipc-child.js', import.meta.url);

interface Said {
  readonly name: string;
  readonly event: string;
  readonly args: unknown[];
}

interface Settled {
  readonly number: number;
  readonly value?: unknown;
  readonly failure?: string;
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The process with the real net-ipc ends. */
export class NetIpcProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiter>();
  readonly #listeners = new Set<(said: Said) => void>();
  readonly #started: Promise<void>;
  readonly #exited: Promise<void>;
  #numbers = 0;

  constructor() {
    this.#child = fork(childFile, [], { execArgv: [], serialization: 'advanced' });
    this.#child.on('message', (message: Said | Settled) => this.#heard(message));
    this.#started = new Promise((resolve) => this.#listeners.add(({ event }) => event === 'started' && resolve()));
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code) => {
        for (const { reject } of this.#waiting.values()) reject(new Error(`the net-ipc process ended with ${code}`));
        this.#waiting.clear();
        resolve();
      });
    });
  }

  async started(): Promise<void> {
    await this.#started;
  }

  order(order: Order): Promise<unknown> {
    const number = ++this.#numbers;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#child.send({ number, order });
    });
  }

  /** Hears of all events of the end called `name`, until the function returned is called. */
  listen(name: string, heard: (event: string, args: unknown[]) => void): () => void {
    const listener = (said: Said): void => {
      if (said.name === name) heard(said.event, said.args);
    };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async end(): Promise<void> {
    this.#waiting.clear();
    this.#child.disconnect();
    await this.#exited;
  }

  #heard(message: Said | Settled): void {
    if ('event' in message) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const waiter = this.#waiting.get(message.number);
    this.#waiting.delete(message.number);
    if (message.failure === undefined) waiter?.resolve(message.value);
    else waiter?.reject(new Error(message.failure));
  }
}

let names = 0;

/** One net-ipc `Server` or `Client` over there, with everything it said. */
export class RemoteEnd {
  readonly said: { readonly event: string; readonly args: unknown[] }[] = [];
  readonly #process: NetIpcProcess;
  readonly #name = `end-${++names}`;
  readonly #forget: () => void;
  #wake: () => void = () => {};

  constructor(process: NetIpcProcess) {
    this.#process = process;
    this.#forget = process.listen(this.#name, (event, args) => {
      this.said.push({ event, args });
      this.#wake();
    });
  }

  async make(end: 'server' | 'client', options: object, security: 'none' | 'certificate' | 'psk'): Promise<this> {
    await this.#process.order({ op: 'make', name: this.#name, end, options, security });
    return this;
  }

  call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#process.order({ op: 'call', name: this.#name, method, args });
  }

  /** Calls a method of the server's connection with this id. */
  callConnection(connection: string, method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#process.order({ op: 'call', name: this.#name, method, args, connection });
  }

  /** The arguments of all `event`s so far. */
  all(event: string): unknown[][] {
    return this.said.filter((one) => one.event === event).map(({ args }) => args);
  }

  /** Resolves the arguments of the first `count` of `event`. */
  async heard(event: string, count = 1): Promise<unknown[][]> {
    while (this.all(event).length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.all(event);
  }

  async drop(): Promise<void> {
    this.#forget();
    await this.#process.order({ op: 'drop', name: this.#name });
  }
}
