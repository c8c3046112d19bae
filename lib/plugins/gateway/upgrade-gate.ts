import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { permits, refusalError } from '../../base/permission.ts';
import type { Origins } from '../../transport/origin-options.ts';
import { fitsOrigins } from '../../transport/origins.ts';
import { handshakeFault, refuseUpgrade } from '../../transport/websocket-handshake.ts';
import { splitTarget } from './http-exchange.ts';
import { plainHeaders } from './http-exchange.ts';
import type { Upgrader } from './upgrader.ts';
import type { AuthorizeUpgrade } from './websocket-options.ts';

/** The request that asked for the upgrade. */
export interface UpgradeDetails {
  /** The path, as it came: not decoded, without the query. */
  readonly url: string;
  /** What follows the question mark, as it came. */
  readonly query: string;
  /** By lower-case name; fields of the same name are joined as RFC 9110 says. */
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
}

export interface UpgradeRules {
  readonly path: string | undefined;
  readonly origins: Origins;
  readonly ownNames: readonly string[];
  readonly authorize: AuthorizeUpgrade | undefined;
  readonly authorizeTimeoutMs: number;
  readonly maxPendingUpgrades: number;
}

/** Decides before the upgrade who gets one: the handshake, path, origin, `authorize`, in this order. */
export class UpgradeGate {
  readonly #rules: UpgradeRules;
  readonly #upgrader: Upgrader;
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  #pending = 0;

  /** `report` hears of an `authorize` that failed by mistake. */
  constructor(rules: UpgradeRules, upgrader: Upgrader, clock: Clock, report: (error: unknown) => void) {
    this.#rules = rules;
    this.#upgrader = upgrader;
    this.#clock = clock;
    this.#report = report;
  }

  /** Calls `admit` with the open socket, or answers 400, 401, 403, 404, 405, 426 or 503. Never rejects. */
  async pass(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    admit: (socket: WebSocket, details: UpgradeDetails) => void,
  ): Promise<void> {
    socket.on('error', ignore);
    const details = upgradeDetails(request);
    const refuse = (code: number): void => refuseUpgrade(socket, code, this.#clock);
    const { path, origins, ownNames, authorize, authorizeTimeoutMs, maxPendingUpgrades } = this.#rules;
    const fault = handshakeFault(request);
    if (fault !== undefined) return refuse(fault.status);
    if (path !== undefined && details.url !== path) return refuse(404);
    if (!fitsOrigins(request, origins, ownNames)) return refuse(403);
    if (authorize !== undefined) {
      if (this.#pending >= maxPendingUpgrades) return refuse(503);
      this.#pending += 1;
      const status = await this.#ask(() => authorize(details), authorizeTimeoutMs);
      this.#pending -= 1;
      if (status !== undefined) return refuse(status);
    }
    if (socket.destroyed) return;
    this.#upgrader.upgrade(request, socket, head, (open) => admit(open, details));
  }

  /** The status of the refusal, if it is one. */
  async #ask(authorize: () => unknown, ms: number): Promise<401 | 503 | undefined> {
    try {
      return (await permits(authorize, this.#clock, ms)) ? undefined : 401;
    } catch (error) {
      return refusalError(error, this.#report).code === 'ERR_UNAVAILABLE' ? 503 : 401;
    }
  }
}

function upgradeDetails(request: IncomingMessage): UpgradeDetails {
  return {
    ...splitTarget(request.url ?? ''),
    headers: plainHeaders(request),
    remoteAddress: request.socket.remoteAddress ?? '',
  };
}

function ignore(): void {}
