import { BusError } from '../../../base/errors.ts';

/** How long a node may take to say whether it has something. */
const answerMs = 2_000;
/** Things that are sought at the same time. */
const mostSought = 1_000;

/** Asks all nodes which of them has something; those who seek the same at the same time share one question. */
export class NodeSearch {
  readonly #nodes: () => string[];
  readonly #ask: (node: string, what: string, timeoutMs: number) => Promise<unknown>;
  readonly #sought = new Map<string, Promise<string | undefined>>();

  constructor(nodes: () => string[], ask: (node: string, what: string, timeoutMs: number) => Promise<unknown>) {
    this.#nodes = nodes;
    this.#ask = ask;
  }

  /** The first node by its name that has it. One that does not say in time has nothing. */
  find(what: string): Promise<string | undefined> {
    const sought = this.#sought.get(what);
    if (sought !== undefined) return sought;
    if (this.#sought.size >= mostSought) {
      return Promise.reject(new BusError('ERR_QUEUE_FULL', 'Too much is sought at other nodes'));
    }
    const finding = this.#find(what).finally(() => this.#sought.delete(what));
    this.#sought.set(what, finding);
    return finding;
  }

  async #find(what: string): Promise<string | undefined> {
    const nodes = this.#nodes().sort();
    const answers = await Promise.all(nodes.map((node) => this.#ask(node, what, answerMs).catch(() => false)));
    return nodes.find((_node, at) => answers[at] === true);
  }
}
