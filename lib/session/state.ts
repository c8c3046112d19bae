import { BusError } from '../base/errors.ts';

/** The public statuses of a client, as net-ipc numbers them. */
export const ClientStatus = {
  IDLE: 0,
  CONNECTING: 1,
  CONNECTED: 2,
  READY: 3,
  DISCONNECTED: 4,
  RECONNECTING: 5,
} as const;

export type ClientStatus = (typeof ClientStatus)[keyof typeof ClientStatus];

/** Where one end of a conversation stands. `closing` still has its link and takes nothing new. */
export type State = 'idle' | 'connecting' | 'connected' | 'ready' | 'closing' | 'disconnected' | 'reconnecting';

const moves: Readonly<Record<State, readonly State[]>> = {
  idle: ['connecting', 'connected'],
  connecting: ['connected', 'disconnected', 'idle'],
  connected: ['ready', 'disconnected', 'idle'],
  ready: ['closing', 'disconnected', 'idle'],
  closing: ['idle'],
  disconnected: ['reconnecting', 'ready', 'idle'],
  reconnecting: ['connecting', 'connected', 'disconnected', 'idle'],
};

// As numbers, so that a page whose bundle does not use ClientStatus goes without it.
const statuses: Readonly<Record<State, ClientStatus>> = {
  idle: 0,
  connecting: 1,
  connected: 2,
  ready: 3,
  closing: 3,
  disconnected: 4,
  reconnecting: 5,
};

/** The states of a link that is open, or being opened; to `idle`, the public status goes from them by way of 4. */
const linked: ReadonlySet<State> = new Set(['connecting', 'connected', 'ready', 'closing']);

/** The one place a conversation's state is kept and moved. */
export class Lifecycle {
  /** What is new can go out, or wait until it can. */
  isOpen = false;
  state: State = 'idle';
  status: ClientStatus = statuses.idle;
  readonly #changed: ((status: ClientStatus) => void) | undefined;

  /** `changed` learns of each new public status. */
  constructor(changed?: (status: ClientStatus) => void) {
    this.#changed = changed;
  }

  is(...states: readonly State[]): boolean {
    return states.includes(this.state);
  }

  /** @throws BusError `ERR_STATE` for a move the table does not have. */
  move(to: State): void {
    if (to === this.state) return;
    if (!moves[this.state].includes(to)) throw new BusError('ERR_STATE', `Cannot go from ${this.state} to ${to}`);
    const byDisconnected = to === 'idle' && linked.has(this.state);
    this.state = to;
    this.isOpen = to !== 'idle' && to !== 'closing';
    if (byDisconnected) this.#tell(statuses.disconnected);
    // Whoever learned of that may have moved on.
    if (this.state === to) this.#tell(statuses[to]);
  }

  #tell(status: ClientStatus): void {
    if (status === this.status) return;
    this.status = status;
    this.#changed?.(status);
  }
}
