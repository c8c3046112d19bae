import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { refusalError } from '../../bus/authorize.ts';
import { splitTarget } from './http-exchange.ts';
import { plainHeaders } from './http-exchange.ts';
import { refuseUpgrade } from './refusal.ts';
import type { AuthorizeUpgrade } from './websocket-options.ts';

/** The request that asked for the upgrade. */
export interface UpgradeDetails {
  readonly url: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
}

export interface UpgradeRules {
  readonly path: string | undefined;
  /** Programs that send no origin are not held by it. */
  readonly origins: readonly string[] | 'same' | 'any';
  readonly authorize: AuthorizeUpgrade | undefined;
  readonly authorizeTimeoutMs: number;
  readonly maxPendingUpgrades: number;
}

/** Decides before the upgrade who gets one: path, origin, `authorize`, in this order. */
export class UpgradeGate {
  readonly #rules: UpgradeRules;
  readonly #upgrader: WebSocketServer;
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  #pending = 0;

  /** `report` hears of an `authorize` that failed by mistake. */
  constructor(rules: UpgradeRules, upgrader: WebSocketServer, clock: Clock, report: (error: unknown) => void) {
    this.#rules = rules;
    this.#upgrader = upgrader;
    this.#clock = clock;
    this.#report = report;
  }

  /** Calls `admit` with the open socket, or answers 400, 401, 403, 404 or 503. Never rejects. */
  async pass(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    admit: (socket: WebSocket, details: UpgradeDetails) => void,
  ): Promise<void> {
    socket.on('error', ignore);
    const details = upgradeDetails(request);
    const { path, origins, authorize, maxPendingUpgrades } = this.#rules;
    if (path !== undefined && details.url !== path) return refuseUpgrade(socket, 404, this.#clock);
    if (!fits(origins, request.headers.origin, request.headers.host)) return refuseUpgrade(socket, 403, this.#clock);
    if (authorize !== undefined) {
      if (this.#pending >= maxPendingUpgrades) return this.#notNow(socket);
      this.#pending += 1;
      const verdict = await this.#ask(authorize, details);
      this.#pending -= 1;
      if (verdict === 'no') return refuseUpgrade(socket, 401, this.#clock);
      if (verdict === 'not now') return this.#notNow(socket);
    }
    if (socket.destroyed) return;
    this.#upgrader.handleUpgrade(request, socket, head, (open) => admit(open, details));
  }

  #notNow(socket: Socket): void {
    refuseUpgrade(socket, 503, this.#clock, 'Retry-After: 1\r\n');
  }

  async #ask(authorize: AuthorizeUpgrade, details: UpgradeDetails): Promise<'yes' | 'no' | 'not now'> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.#rules.authorizeTimeoutMs);
    });
    try {
      const verdict = await Promise.race([authorize(details), late]);
      return verdict === 'late' ? 'not now' : verdict === true ? 'yes' : 'no';
    } catch (error) {
      return refusalError(error, this.#report).code === 'ERR_UNAVAILABLE' ? 'not now' : 'no';
    } finally {
      clearTimeout(timer);
    }
  }
}

function fits(origins: UpgradeRules['origins'], origin: string | undefined, host: string | undefined): boolean {
  if (origins === 'any' || origin === undefined) return true;
  return origins === 'same' ? /^https?:\/\/(.*)$/.exec(origin)?.[1] === host : origins.includes(origin);
}

function upgradeDetails(request: IncomingMessage): UpgradeDetails {
  return {
    ...splitTarget(request.url ?? ''),
    headers: plainHeaders(request),
    remoteAddress: request.socket.remoteAddress ?? '',
  };
}

function ignore(): void {}
