import {
  ClusterAdapterWithHeartbeat,
  type ClusterMessage,
  type ClusterResponse,
  MessageType,
  type ServerId,
} from 'socket.io-adapter';
import { BusError } from '../../base/errors.ts';
import type { Cluster, LocalNode } from './cluster.ts';
import { answerOf, frameOf, messageOf, responseOf } from './cluster-message.ts';
import type { Answer, Message } from './frame.ts';
import { OwedAnswers, type Wanted } from './owed-answers.ts';

/** What a server of socket.io hands to its adapters, as far as it is looked at. */
export interface Namespace {
  readonly name: string;
  readonly server: { readonly opts: { readonly connectionStateRecovery?: unknown } };
}

/** How long a node waits for others, unless it is told; that of socket.io. */
const usualMs = 5_000;

/** socket.io's own adapter for clusters, whose nodes are told about by the bus and not by heartbeats. */
export class BusAdapter extends ClusterAdapterWithHeartbeat implements LocalNode {
  readonly #cluster: Cluster;
  readonly #owed: OwedAnswers;
  readonly #others = new Set<string>();
  #id = this.uid;
  #names = 1;

  constructor(namespace: Namespace, cluster: Cluster) {
    if (namespace.server.opts.connectionStateRecovery !== undefined) {
      throw new BusError('ERR_INVALID_OPTION', 'connectionStateRecovery needs an adapter that stores packets');
    }
    // Nobody is taken for gone because he was silent.
    super(namespace, { heartbeatTimeout: Number.POSITIVE_INFINITY });
    this.#cluster = cluster;
    this.#owed = new OwedAnswers(cluster.clock);
  }

  /** By which others know it: another one in each session with the hub, who may not know yet that the last one is over. */
  get id(): string {
    return this.#id;
  }

  get namespace(): string {
    return (this.nsp as Namespace).name;
  }

  rename(): void {
    this.#names += 1;
    this.#id = `${this.uid}.${this.#names}`;
  }

  came(id: string): void {
    this.#others.add(id);
    this.onMessage({ uid: id, nsp: this.namespace, type: MessageType.HEARTBEAT });
  }

  left(id: string): void {
    const about = { uid: id, nsp: this.namespace };
    this.#others.delete(id);
    for (const requestId of this.#owed.forget(id)) {
      const data = { requestId, clientCount: 0 };
      this.onResponse({ ...about, type: MessageType.BROADCAST_CLIENT_COUNT, data });
    }
    this.onMessage({ ...about, type: MessageType.ADAPTER_CLOSE });
  }

  heard(message: Message): void {
    this.onMessage(messageOf(message, this.namespace));
  }

  answered(answer: Answer): void {
    if (this.#owed.settle(answer)) this.onResponse(responseOf(answer, this.namespace));
  }

  /** Requests that are open settle with what was answered so far. */
  override close(): void {
    super.close();
    for (const id of this.#others) this.left(id);
    this.#owed.clear();
  }

  /** Without a heartbeat to follow. */
  override publish(message: Parameters<ClusterAdapterWithHeartbeat['publish']>[0]): void {
    void this.publishAndReturnOffset(message);
  }

  protected override async doPublish(message: ClusterMessage): Promise<string> {
    if (message.type === MessageType.INITIAL_HEARTBEAT) this.#cluster.enter(this);
    if (message.type === MessageType.ADAPTER_CLOSE) this.#cluster.leave(this);
    const frame = frameOf(message, this.#id);
    if (frame === undefined) return '';
    this.#ask(frame, timeoutOf(message));
    this.#cluster.publish(this, frame);
    return '';
  }

  protected override async doPublishResponse(requester: ServerId, response: ClusterResponse): Promise<void> {
    this.#cluster.answer(this, answerOf(response, this.#id, requester));
  }

  /** Notes who is to answer from now on. */
  #ask(frame: Message, ms: number): void {
    if (frame[0] === 'broadcast') this.#owe(frame[7], 'count', ms);
    else if (frame[0] === 'fetch') this.#owe(frame[4], 'sockets', ms);
    else if (frame[0] === 'emit') this.#owe(frame[3], 'reply', ms);
  }

  #owe(request: string | null | undefined, wanted: Wanted, ms: number): void {
    if (typeof request === 'string') this.#owed.ask(request, this.#others, wanted, ms);
  }
}

/** How long socket.io waits for answers. */
function timeoutOf(message: ClusterMessage): number {
  const told = 'data' in message && 'opts' in message.data ? message.data.opts.flags?.timeout : undefined;
  return told ?? usualMs;
}
