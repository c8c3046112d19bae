import { printableJson } from '../../base/printable.ts';
import { codeOf } from '../../base/thrown.ts';
import { isContractValue } from '../../wire/contracts.ts';
import type { LaneLore, Operation, PeerHandle, PluginHost } from '../plugin.ts';

/** What is kept of one trace at most; what it causes besides is counted. */
const mostSteps = 500;
/** Of what is not kept. */
const noStep = -1;
const longestData = 200;
const longestName = 100;
const longestCode = 64;

/** One request or message of a trace, and what became of it. */
export interface TraceStep {
  /** Of the step that caused it; undefined where that is not known. */
  readonly parent: number | undefined;
  readonly kind: 'request' | 'message';
  /** `in`: it came from the peer, and `ms` is how long it was handled; `out`: how long the peer took. */
  readonly direction: 'in' | 'out';
  /** Undefined: a broadcast. */
  readonly peer: string | undefined;
  /** What the peer calls itself. */
  readonly name: string | undefined;
  /** How many got a broadcast. */
  peers: number | undefined;
  readonly lane: string;
  /** What the plugin of the lane calls it, such as its method. */
  readonly method: string | undefined;
  /** As JSON, masked and cut short. */
  readonly data: string;
  readonly cut: boolean;
  /** Milliseconds since the trace began. */
  readonly at: number;
  /** Undefined: it is not over. */
  ms: number | undefined;
  /** Of the error that it ended with. */
  code: string | undefined;
}

/** One request with all that it caused, as far as the server saw it. */
export interface TracedRequest {
  /** 32 hexadecimal digits. */
  readonly trace: string;
  /** When it began, as `Date.now()`. */
  readonly at: number;
  /** Whether all of it has ended. */
  readonly isOver: boolean;
  /** Each behind the one that caused it. */
  readonly steps: readonly TraceStep[];
  /** As many more were not kept. */
  readonly leftOut: number;
}

/** Where the context of now belongs: to a step of a trace. */
export interface Place {
  readonly trace: Trace;
  readonly index: number;
  /** What says so to peers. */
  readonly bytes: Uint8Array;
}

export interface TraceOwner {
  readonly host: Pick<PluginHost, 'clock' | 'show'>;
  nameOf(peer: PeerHandle): string | undefined;
}

/** What is seen of one trace. */
export class Trace {
  readonly id: string;
  /** Nobody wants to know of it any more. */
  isOver = false;
  readonly #owner: TraceOwner;
  readonly #changed: () => void;
  readonly #at = Date.now();
  readonly #beganAt: number;
  readonly #steps: TraceStep[] = [];
  /** By the ids of spans that peers know. */
  readonly #bySpan = new Map<string, number>();
  /** Who was asked last is asked of what comes from it. */
  readonly #asked = new Map<PeerHandle, number[]>();
  /** The data of the last message without an operation, of which there may be one for each of many peers. */
  #lastSent: { readonly index: number; readonly data: unknown } | undefined;
  #open = 0;
  #leftOut = 0;

  /** `changed` hears whenever something begins or ends. */
  constructor(id: string, owner: TraceOwner, changed: () => void) {
    this.id = id;
    this.#owner = owner;
    this.#changed = changed;
    this.#beganAt = owner.host.clock.now();
  }

  /** Whether nothing of it continues. */
  get isQuiet(): boolean {
    return this.#open === 0;
  }

  /** The number of the step, or that of none where there are too many already. */
  begin(
    kind: 'request' | 'message',
    direction: 'in' | 'out',
    operation: Omit<Operation<PeerHandle>, 'lore'> & { readonly lore?: LaneLore | undefined },
    parent: number | undefined,
  ): number {
    if (this.#steps.length >= mostSteps) {
      this.#leftOut += 1;
      return noStep;
    }
    const at = this.#now();
    const { peer, lane, lore } = operation;
    const data = isContractValue(operation.data) ? operation.data.value : operation.data;
    const shown = this.#owner.host.show(data);
    const text = printableJson(shown.data ?? null);
    const index = this.#steps.push({
      parent,
      kind,
      direction,
      peer: peer?.id,
      name: peer && this.#owner.nameOf(peer),
      peers: peer === undefined ? 0 : undefined,
      lane,
      method: methodIn(lore, data),
      data: text.slice(0, longestData),
      cut: shown.cut || text.length > longestData,
      at,
      ms: undefined,
      code: undefined,
    });
    this.#open += 1;
    this.#changed();
    return index - 1;
  }

  /** `code`: of the error it ended with. */
  end(index: number, code?: string): void {
    const step = this.#steps[index];
    if (step === undefined || step.ms !== undefined) return;
    step.ms = rounded(this.#now() - step.at);
    step.code = code?.slice(0, longestCode);
    this.#open -= 1;
    this.#changed();
  }

  /** A message went to a peer because of `parent`; its sender may be a step already, or it is one. */
  sent(parent: number, peer: PeerHandle, lane: string, data: unknown): void {
    const sender = this.#steps[parent];
    if (sender === undefined) return;
    if (sender.direction === 'out' && sender.kind === 'message') {
      if (sender.peers !== undefined) sender.peers += 1;
      return;
    }
    const last = this.#lastSent && this.#steps[this.#lastSent.index];
    if (last?.parent === parent && last.lane === lane && this.#lastSent?.data === data) {
      last.peers = (last.peers ?? 1) + 1;
      return;
    }
    const index = this.begin('message', 'out', { peer, lane, data }, parent);
    this.#lastSent = { index, data };
    this.end(index);
  }

  /** From now on, what comes in the span `id` is because of a step. */
  knownAs(id: string, index: number): void {
    if (!this.#bySpan.has(id)) this.#bySpan.set(id, index);
  }

  /** A peer is asked something; returns how to say that it has answered. */
  asks(peer: PeerHandle, index: number): () => void {
    const open = this.#asked.get(peer) ?? [];
    this.#asked.set(peer, open);
    open.push(index);
    return () => void open.splice(open.indexOf(index), 1);
  }

  /** What caused that which `peer` sends in `span`: if the peer began that, what it was asked last. */
  parentOf(span: string, peer: PeerHandle | undefined): number | undefined {
    return this.#bySpan.get(span) ?? (peer && this.#asked.get(peer)?.at(-1));
  }

  report(): TracedRequest {
    return {
      trace: this.id,
      at: this.#at,
      isOver: this.isQuiet,
      steps: this.#steps,
      leftOut: this.#leftOut,
    };
  }

  #now(): number {
    return rounded(this.#owner.host.clock.now() - this.#beganAt);
  }
}

/** To microseconds. */
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** What a plugin calls what is on its lane; it may be mistaken, and throw. */
export function methodIn(lore: LaneLore | undefined, data: unknown): string | undefined {
  try {
    const name: unknown = lore?.nameOf?.(data);
    return typeof name === 'string' && name !== '' ? name.slice(0, longestName) : undefined;
  } catch {
    return undefined;
  }
}

export const codeIn = (error: unknown): string => codeOf(error) ?? 'ERR_REMOTE';
