import { BusError } from '../../../base/errors.ts';
import type { AskOptions, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import {
  type Callee,
  type CallRequest,
  endStreamsIn,
  laneHub,
  OneWayContext,
  type RpcHub,
  type RpcSession,
  travels,
  untilAnswered,
  usualAsk,
} from '../../rpc/internal.ts';
import type { Member, PresenceEvent } from '../member.ts';
import { object, readAtMember, readServed, servedHead } from '../protocol.ts';
import { type MemberAnswer, type ServiceCaller, surveyGraceMs } from '../service.ts';
import { readRows } from '../survey-rows.ts';
import type { Provisions } from './provisions.ts';

/** Members that a hub may report as callers. */
const mostCallers = 100_000;

export interface MemberLinkOptions {
  readonly name: string | undefined;
  readonly takeOver: boolean;
  /** What the member says of itself now. */
  meta(): unknown;
  readonly provisions: Provisions;
}

export interface MemberLinkEvents {
  presence(event: PresenceEvent, member: Member, reason: string): void;
  failed(error: BusError): void;
}

/** A member's end of the protocol: joins in each session, calls through the hub, and serves what the hub sends. */
export class MemberLink implements ServiceCaller {
  readonly #host: PluginHost;
  readonly #options: MemberLinkOptions;
  readonly #events: MemberLinkEvents;
  readonly #hub: RpcHub<PeerHandle>;
  readonly #callers = new Map<string, Member>();
  #peer: PeerHandle | undefined;
  #id: string | undefined;
  /** The hub was told what there was to tell. */
  #hasJoined = false;
  #wasMember = false;
  #isReplaced = false;
  #watches = false;

  constructor(host: PluginHost, options: MemberLinkOptions, events: MemberLinkEvents) {
    this.#host = host;
    this.#options = options;
    this.#events = events;
    this.#hub = laneHub(host).hub;
    const control: Callee = { prints: {}, hash: '', call: (name, args, request) => this.#heard(name, args, request) };
    const calls: Callee = { prints: {}, hash: '', call: (name, args, request) => this.#serve(name, args, request) };
    this.#hub.offer(object.control, () => control);
    this.#hub.offer(object.call, () => calls);
    host.onConnect((peer) => {
      this.#peer = peer;
    });
    host.onReady(() => this.#join());
    host.onDisconnect(() => this.#left());
    host.onClose(() => this.#drain());
  }

  /** Of this member, while it is one. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Learns of members from now on. */
  watch(): void {
    if (this.#watches) return;
    this.#watches = true;
    this.tell('watch');
  }

  /** Asks the hub, without an end of its own where `forEver`. Rejects with `ERR_CLOSED` before there is a session. */
  async ask(word: string, args: readonly unknown[], forEver = false): Promise<unknown> {
    const ask: AskOptions = forEver ? { timeoutMs: undefined, signal: undefined, idempotent: false } : usualAsk;
    return this.#session().call(object.control, word, args, ask);
  }

  /** The same where what was told counts for later sessions too, which begin with all of it. */
  tell(word: string, ...args: readonly unknown[]): void {
    if (!this.#hasJoined) return;
    this.ask(word, args).catch((error: unknown) => this.#failed(error));
  }

  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  async call(
    service: string,
    key: string | undefined,
    name: string,
    given: readonly unknown[],
    ask: AskOptions,
  ): Promise<unknown> {
    const args = [service, key ?? null, ask.idempotent, ...given];
    if (!ask.idempotent) return this.#session().call(object.call, name, args, ask);
    const details = { object: object.call, name, args, ask: { ...ask, idempotent: false } };
    return untilAnswered(this.#host.clock, () => this.#session(), details);
  }

  async notify(service: string, key: string | undefined, method: string, args: readonly unknown[]): Promise<void> {
    await this.#session().notify(object.call, method, [service, key ?? null, false, ...args]);
  }

  async survey(
    service: string,
    method: string,
    args: readonly unknown[],
    { timeoutMs, signal, idempotent }: AskOptions,
  ): Promise<MemberAnswer<unknown>[]> {
    if (idempotent) throw new BusError('ERR_INVALID_ARGUMENT', 'A survey cannot be idempotent');
    if (!travels(args)) {
      endStreamsIn(args);
      throw new BusError('ERR_UNENCODABLE', 'Functions and streams can be passed to one peer only');
    }
    const within = timeoutMs === undefined ? undefined : timeoutMs + surveyGraceMs;
    const ask: AskOptions = { timeoutMs: within, signal, idempotent: false };
    return readRows(await this.#session().call(object.survey, method, [service, timeoutMs ?? null, ...args], ask));
  }

  async #join(): Promise<void> {
    if (this.#isReplaced) return;
    const { name, takeOver, provisions, meta } = this.#options;
    try {
      const joined = this.ask('join', [name ?? null, meta(), takeOver, provisions.offered]);
      this.#hasJoined = true;
      if (this.#watches) this.tell('watch');
      this.#id = String(await joined);
      this.#wasMember = true;
    } catch (error) {
      this.#hasJoined = false;
      if (!this.#wasMember) throw error;
      this.#failed(error);
    }
  }

  #left(): void {
    this.#hasJoined = false;
    this.#id = undefined;
    this.#callers.clear();
    this.#options.provisions.loseAll();
  }

  async #drain(): Promise<void> {
    if (this.#id === undefined || this.#isReplaced) return;
    // Who closes goes anyway.
    await this.ask('drain', [], true).catch(() => undefined);
  }

  #session(): RpcSession {
    if (this.#peer === undefined) throw new BusError('ERR_CLOSED', 'The client is not connected');
    return this.#hub.session(this.#peer);
  }

  #serve(method: unknown, given: readonly unknown[], request: CallRequest): unknown {
    if (!readServed(given)) throw new BusError('ERR_PROTOCOL', 'Not a call of a service');
    const [service, callerId, key, epoch] = given;
    const caller = this.#callers.get(callerId);
    if (caller === undefined) throw new BusError('ERR_PROTOCOL', 'The hub did not name the caller');
    const args = given.slice(servedHead);
    const call = { service, key: key ?? undefined, epoch, method: String(method), args, caller, request };
    return this.#options.provisions.serve(call);
  }

  #heard(name: unknown, args: readonly unknown[], request: CallRequest): unknown {
    const word = readAtMember([name, ...args]);
    const { provisions } = this.#options;
    // What takes time is asked for, so that no more of it is open than requests may be.
    if (request instanceof OneWayContext && (word[0] === 'open' || word[0] === 'close')) {
      throw new BusError('ERR_PROTOCOL', 'The hub sent a request as a message');
    }
    switch (word[0]) {
      case 'open':
        return provisions.open(word[1], word[2], word[3], word[4]);
      case 'close':
        return provisions.close(word[1], word[2], word[3]);
      case 'lost':
        return provisions.lost(word[1], word[2], word[3]);
      case 'replaced':
        return this.#replaced();
      case 'presence':
        return this.#events.presence(word[1], word[2], word[3] ?? 'closed');
      case 'caller':
        if (this.#callers.size >= mostCallers) throw new BusError('ERR_PROTOCOL', 'The hub named too many callers');
        return void this.#callers.set(word[1].id, word[1]);
      case 'callerGone':
        return void this.#callers.delete(word[1]);
    }
  }

  #replaced(): void {
    this.#isReplaced = true;
    this.#hasJoined = false;
    this.#id = undefined;
    this.#options.provisions.loseAll();
    this.#events.failed(new BusError('ERR_NAME_TAKEN', 'Another member took over the name of this one'));
  }

  #failed(error: unknown): void {
    this.#events.failed(error instanceof BusError ? error : new BusError('ERR_REMOTE', String(error)));
  }
}
