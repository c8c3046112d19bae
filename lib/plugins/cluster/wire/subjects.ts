/** The letters of the names of clusters and nodes, which are parts of subjects. */
const nodeName = /^[A-Za-z0-9_-]{1,64}$/;

export function isNodeName(value: unknown): value is string {
  return typeof value === 'string' && nodeName.test(value);
}

/** The subjects of one cluster. */
export class Subjects {
  readonly #prefix: string;

  constructor(cluster: string) {
    this.#prefix = `bb.${cluster}`;
  }

  /** What each node says of itself. */
  get nodes(): string {
    return `${this.#prefix}.nodes`;
  }

  /** Broadcasts. */
  get all(): string {
    return `${this.#prefix}.all`;
  }

  /** Where the name of a node is claimed. */
  name(node: string): string {
    return `${this.#prefix}.name.${node}`;
  }

  /** What is for one incarnation of a node. */
  to(node: string, incarnation: number): string {
    return `${this.#prefix}.to.${node}.${incarnation.toString(36)}`;
  }

  /** Where the second connection of a node listens, and says by that alone that its process is there. */
  standby(node: string, incarnation: number): string {
    return `${this.#prefix}.standby.${node}.${incarnation.toString(36)}`;
  }
}
