import { BusError } from '../../../base/errors.ts';
import { toFailure } from '../../../base/failure.ts';
import type { LaneRequestContext, PeerHandle, PluginHost, ServerClients } from '../../../bus/plugin.ts';
import { type Audience, audienceAt, noSuchClient, type NodeAudience } from './audience.ts';
import { readAsking, readTelling } from './verbs.ts';

/** Clients of a server can be in groups. */
interface Grouped {
  readonly groups?: readonly string[];
}

/** Those who send to clients may wait for them to have heard it. */
interface Confirming {
  send(data: unknown, settings?: { confirm: boolean; signal: AbortSignal }): Promise<void>;
  request(data: unknown, settings?: { timeout: number; signal: AbortSignal }): Promise<unknown>;
  ping(data: unknown, settings?: { timeout: number; signal: AbortSignal }): Promise<number>;
}

export interface AnsweringOptions {
  readonly node: string;
  readonly host: PluginHost;
  readonly clients: ServerClients;
  isNode(name: string): boolean;
  /** A message on a plugin's lane. */
  lane(name: string, data: unknown, from: string): void;
  laneRequest(name: string, data: unknown, from: string, context: LaneRequestContext): unknown;
  /** Tells a node that asked. */
  tell(peer: PeerHandle, data: unknown): Promise<void>;
}

/** What this node does with its clients for others. */
export class Answering {
  readonly #options: AnsweringOptions;
  readonly #clients = new Map<string, PeerHandle & Confirming & Grouped>();
  /** By node and number: ends a survey of its. */
  readonly #surveys = new Map<string, AbortController>();

  constructor(options: AnsweringOptions) {
    this.#options = options;
    const { host } = options;
    const came = (peer: PeerHandle): void => {
      if (peer.id !== undefined) this.#clients.set(peer.id, peer as PeerHandle & Confirming & Grouped);
    };
    for (const peer of host.peers) came(peer);
    host.onConnect(came);
    host.onDisconnect(({ id = '' }) => this.#clients.delete(id));
  }

  /** How many clients there are. */
  get size(): number {
    return this.#clients.size;
  }

  client(id: string): (PeerHandle & Confirming) | undefined {
    return this.#clients.get(id);
  }

  connections(): { readonly id: string; readonly groups: readonly string[] }[] {
    return Array.from(this.#clients.values(), ({ id = '', groups = [] }) => ({ id, groups: [...groups] }));
  }

  /** Those of an audience who are clients here. */
  audience(audience: Audience): NodeAudience {
    const { node, isNode } = this.#options;
    return audienceAt(node, audience, isNode, (id) => this.#clients.get(id));
  }

  told(data: unknown, from: string): void {
    const told = readTelling(data);
    if (told[0] === 'enough') {
      this.#surveys.get(`${from}/${told[1]}`)?.abort();
      return;
    }
    if (told[0] === 'lane') {
      this.#options.lane(told[1], told[2], from);
      return;
    }
    const { host } = this.#options;
    const peer = this.#clients.get(told[1]);
    // One that is gone hears nothing, as with a message that was on its way to it.
    peer?.send(told[2]).catch((error: unknown) => {
      if (!(error instanceof BusError) || error.code !== 'ERR_CLOSED') host.report(error, peer);
    });
  }

  asked(data: unknown, from: string, context: LaneRequestContext): unknown {
    const asked = readAsking(data);
    switch (asked[0]) {
      case 'connections':
        return this.connections();
      case 'had':
        return true;
      case 'lane':
        return this.#options.laneRequest(asked[1], asked[2], from, context);
      case 'survey':
        return this.#survey(asked, from, context);
      case 'confirm':
        return this.#known(asked[1]).send(asked[2], { confirm: true, signal: context.signal });
      case 'request':
        return this.#known(asked[1]).request(asked[2], timesOf(context));
      case 'ping':
        return this.#known(asked[1]).ping(asked[2], timesOf(context));
    }
  }

  close(): void {
    for (const survey of this.#surveys.values()) survey.abort();
  }

  #known(id: string): Confirming {
    const peer = this.#clients.get(id);
    if (peer === undefined) throw noSuchClient(`${this.#options.node}/${id}`);
    return peer;
  }

  #survey(
    [, number, to, except, timeout, data]: Extract<ReturnType<typeof readAsking>, readonly ['survey', ...unknown[]]>,
    from: string,
    { peer }: LaneRequestContext,
  ): void {
    const { host, clients } = this.#options;
    const key = `${from}/${number}`;
    if (this.#surveys.has(key)) throw new BusError('ERR_PROTOCOL', 'There is a survey of this number');
    const audience = this.audience({ to: to ?? null, except: except ?? null });
    const asked = Array.from(host.select(audience), ({ id = '' }) => id);
    const stop = new AbortController();
    this.#surveys.set(key, stop);
    const answers = clients.surveyStream(data, { ...audience, timeout: timeout ?? 0, signal: stop.signal });
    const answer = async (): Promise<void> => {
      for await (const one of answers) {
        // Nobody wants them, or this node leaves: the end of a node is what becomes of those it asked.
        if (stop.signal.aborted) return;
        const { id = '' } = one.peer;
        const isAnswered = one.status === 'fulfilled';
        await this.#options.tell(peer, [
          'answer',
          number,
          id,
          isAnswered,
          isAnswered ? one.value : toFailure(one.reason),
        ]);
      }
    };
    const begin = async (): Promise<void> => {
      try {
        await this.#options.tell(peer, ['asked', number, asked]);
        if (asked.length > 0) await answer();
      } catch (error) {
        if (!stop.signal.aborted && !(error instanceof BusError && error.code === 'ERR_CLOSED')) host.report(error);
      } finally {
        this.#surveys.delete(key);
      }
    };
    void begin();
  }
}

function timesOf({ deadline, signal }: LaneRequestContext): { timeout: number; signal: AbortSignal } {
  return { timeout: deadline ?? 0, signal };
}
