import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { textOf } from '../../../base/text-of.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import { hostsOf } from '../../../transport/websocket-handshake.ts';
import type { Accounts } from '../accounts.ts';
import type { Way } from '../control.ts';
import type { Endpoints } from '../endpoints.ts';
import type { Ledger } from '../ledger.ts';
import { transferError } from '../outcomes.ts';
import type { Transfer } from '../transfer.ts';

/** What an `interrupt` callback is shown. */
export interface TransferRequest {
  readonly id: string;
  readonly way: Way;
  readonly method: string;
  /** Bytes in all; undefined for a stream whose end is not known. */
  readonly size: number | undefined;
  /** The requester, behind trusted proxies if there are any. */
  readonly address: string;
  readonly headers: IncomingMessage['headers'];
}

export type Interrupt = (peer: PeerHandle, request: TransferRequest) => unknown;

export interface DoorOptions {
  readonly endpoints: Endpoints;
  readonly accounts: Accounts;
  readonly ledger: Ledger;
  readonly bindAddress: boolean;
  /** The address of a requester, behind trusted proxies if there are any. */
  addressOf(request: IncomingMessage): string;
  interruptOf(id: string): Interrupt | undefined;
  /** The request is one of a peer's. */
  known(request: IncomingMessage): void;
}

const waysOf: Readonly<Record<string, readonly Way[]>> = {
  GET: ['down'],
  HEAD: ['down', 'up'],
  PUT: ['up'],
  POST: ['up'],
};

/** Every check a request passes before anything is read or changed for it. */
export class Door {
  readonly #options: DoorOptions;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** The transfer the request may serve; rejects with what it is answered. */
  async admit(request: IncomingMessage): Promise<Transfer> {
    const { endpoints, accounts, ledger } = this.#options;
    if (hostsOf(request) > 1) throw transferError('malformed');
    const method = request.method ?? '';
    const ways = Object.hasOwn(waysOf, method) ? waysOf[method] : undefined;
    if (ways === undefined) throw transferError('method');
    const [path = ''] = (request.url ?? '').split('?', 1);
    const tag = endpoints.read(path);
    if (tag === undefined) throw transferError('unknown');
    const account = accounts.byKey(bearerOf(request));
    if (account === undefined) throw transferError('unauthorized');
    const address = this.#options.addressOf(request);
    if (!this.#comesFrom(address, account.peer)) throw transferError('unauthorized');
    this.#options.known(request);
    const transfer = ledger.byTag(tag);
    if (transfer === undefined) throw transferError('gone');
    if (transfer.account !== account) throw transferError('foreign');
    if (!ways.includes(transfer.way)) throw transferError('method');
    if (method !== 'HEAD') await this.#ask(transfer, request, address);
    return transfer;
  }

  async #ask(transfer: Transfer, request: IncomingMessage, address: string): Promise<void> {
    const { id, size } = transfer.content;
    const interrupt = this.#options.interruptOf(id);
    if (interrupt === undefined) return;
    const { method = '', headers } = request;
    const shown = { id, way: transfer.way, method, size, address, headers };
    let verdict: unknown;
    try {
      // One that never decides must not hold the request of a transfer that is over.
      verdict = await Promise.race([interrupt(transfer.account.peer, shown), transfer.ended]);
    } catch (error) {
      if (transfer.over) throw error;
      const failure = transferError('failed', textOf(error), error);
      transfer.fail(failure);
      throw failure;
    }
    if (verdict !== false) return;
    const failure = transferError('interrupted');
    transfer.fail(failure);
    throw failure;
  }

  #comesFrom(address: string, peer: PeerHandle): boolean {
    if (!this.#options.bindAddress) return true;
    const own = plainAddress(peer.remoteAddress);
    return own === undefined || own === plainAddress(address);
  }
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer ([A-Za-z0-9_-]{1,64})$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
}

/** An IP address in one form; undefined for paths and names. */
export function plainAddress(address: string | undefined): string | undefined {
  const plain = address
    ?.toLowerCase()
    .replace(/^\[|\](?::\d+)?$/g, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
  if (plain === undefined || isIP(plain) === 0) return undefined;
  return plain === '::1' ? '127.0.0.1' : plain;
}
