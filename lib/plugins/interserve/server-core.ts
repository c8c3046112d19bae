import type { Clock } from '../../base/clock.ts';
import type { BusError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { Accounts } from './accounts.ts';
import type { Content, ControlMessage, Place, Way } from './control.ts';
import { EndpointRegistry } from './endpoint-registry.ts';
import { Endpoints } from './endpoints.ts';
import { acceptEncoding } from './http/encodings.ts';
import { Ledger } from './ledger.ts';
import type { ServerOptions } from './options.ts';
import { failureOf, outcomes, transferError } from './outcomes.ts';
import { Profile, type TransferRecord } from './profile.ts';
import { Quota } from './quota.ts';
import { Receivers } from './receivers.ts';
import { Slots } from './slots.ts';
import { Transfer } from './transfer.ts';

/** What the core needs from around it. */
export interface ServerSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly secure: boolean;
  /** The port in use, if it is one of the plugin's own. */
  port(): number | undefined;
  /** Sends a control message; what keeps it from going is reported, not thrown. */
  tell(peer: PeerHandle, message: ControlMessage): void;
  /** A transfer is over. */
  onRecord(record: TransferRecord): void;
  /** Takes what listeners of the user's throw. */
  report(error: unknown): void;
}

/** What offers, uploads and requests share on the server side. */
export class ServerCore {
  readonly options: ServerOptions;
  readonly registry: EndpointRegistry;
  readonly receivers = new Receivers();
  readonly endpoints: Endpoints;
  readonly accounts: Accounts;
  readonly ledger = new Ledger();
  readonly slots: Slots;
  readonly quota: Quota;
  readonly profile: Profile;
  readonly #around: ServerSurroundings;
  readonly #left = new WeakSet<PeerHandle>();

  constructor(options: ServerOptions, around: ServerSurroundings) {
    this.options = options;
    this.registry = new EndpointRegistry(options.size);
    this.endpoints = new Endpoints(around.random);
    this.accounts = new Accounts(this.endpoints, around.clock, options.rate);
    const { transfers, perPeer } = options;
    this.slots = new Slots(transfers, perPeer === 0 ? 'share' : perPeer, around.clock);
    this.quota = new Quota(options.waiting);
    this.profile = new Profile('down', options.log);
    this.#around = around;
  }

  get clock(): Clock {
    return this.#around.clock;
  }

  /** Starts a transfer; its end is recorded. Throws `left` or, for a number in use, `malformed`. */
  begin(way: Way, number: number, content: Content, peer: PeerHandle): Transfer {
    if (this.#left.has(peer)) throw transferError('left');
    const transfer = new Transfer({
      clock: this.clock,
      timeoutMs: this.options.timeout * 1000,
      receivingMs: this.options.receiving * 1000,
      way,
      number,
      content,
      account: this.accounts.of(peer),
      endpoint: this.endpoints.mint(content.id),
    });
    if (!this.ledger.enter(transfer)) throw transferError('malformed', 'The number of this transfer is in use');
    this.profile.started({ id: content.id, way, peer: peer.id, size: content.size });
    const startedAt = this.clock.now();
    const record = (outcome: TransferRecord['outcome'], bytes: number, resumed: number) => {
      const durationMs = this.clock.now() - startedAt;
      const { status } = outcomes[outcome];
      this.#record({ id: content.id, way, peer: peer.id, bytes, durationMs, resumed, outcome, status });
    };
    transfer.ended.then(
      (receipt) => record('taken', receipt.bytes, receipt.resumed),
      (error: unknown) => record(failureOf(error), transfer.bytes, transfer.intake?.resumed ?? 0),
    );
    return transfer;
  }

  /** Records what was refused before it became a transfer. */
  refused(way: Way, id: string, peer: PeerHandle, error: BusError): void {
    if (!this.registry.exists(id)) return;
    const outcome = failureOf(error);
    const { status } = outcomes[outcome];
    this.#record({ id, way, peer: peer.id, bytes: 0, durationMs: 0, resumed: 0, outcome, status });
  }

  placeOf({ account, endpoint }: Transfer): Place {
    const { address, host, port, share, ssl } = this.options;
    const anyInterface = host === '0.0.0.0' || host === '::';
    return {
      path: endpoint.path,
      key: account.key,
      ssl: ssl ?? this.#around.secure,
      accept: acceptEncoding,
      address: address ?? (share || anyInterface ? undefined : host),
      port: port === 0 ? this.#around.port() : port,
    };
  }

  tell(peer: PeerHandle, message: ControlMessage): void {
    this.#around.tell(peer, message);
  }

  /** The peer's session is over. */
  left(peer: PeerHandle): void {
    this.#left.add(peer);
    this.ledger.fail(transferError('left'), (transfer) => transfer.account.peer === peer);
    this.accounts.forget(peer);
  }

  /** Runs listeners of the user's, whose errors are no transfer's. */
  guard(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.report(error);
    }
  }

  report(error: unknown): void {
    this.#around.report(error);
  }

  #record(record: TransferRecord): void {
    // What was under way on an id that was removed comes in only now.
    if (this.registry.exists(record.id)) this.profile.count(record);
    this.guard(() => this.profile.publish(record));
    this.guard(() => this.#around.onRecord(record));
  }
}
