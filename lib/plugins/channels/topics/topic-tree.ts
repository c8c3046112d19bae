import { BusError } from '../../../base/errors.ts';
import { isName } from '../lane-messages.ts';

const maxSegments = 32;
/**
 * The ways in which patterns may fit one topic grow with the number of its segments over the number of wildcards: short
 * patterns may have wildcards everywhere, longer ones two or one, and a topic meets at most some 2,000 nodes of the tree,
 * however many patterns there are.
 */
const freeSegments = 8;
const twiceUpTo = 16;

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Those whose pattern ends here. */
  readonly values: Set<T>;
  /** Those whose pattern continues with `>`. */
  readonly rest: Set<T>;
}

/**
 * Who wants which topics. A topic has segments with dots between; in a pattern `*` stands for one whole segment and a
 * last `>` for one or more.
 */
export class TopicTree<T> {
  readonly #root = makeNode<T>();

  add(pattern: string, value: T): void {
    const { node, open } = this.#place(pattern);
    (open ? node.rest : node.values).add(value);
  }

  remove(pattern: string, value: T): void {
    const segments = pattern.split('.');
    const open = segments.at(-1) === '>';
    const path = open ? segments.slice(0, -1) : segments;
    this.#remove(this.#root, path, 0, open, value);
  }

  /** Everyone whose pattern fits, each once. */
  match(topic: string): Set<T> {
    const found = new Set<T>();
    collect(this.#root, topic.split('.'), 0, found);
    return found;
  }

  #place(pattern: string): { node: Node<T>; open: boolean } {
    let node = this.#root;
    for (const segment of pattern.split('.')) {
      if (segment === '>') return { node, open: true };
      let child = node.children.get(segment);
      if (child === undefined) {
        child = makeNode<T>();
        node.children.set(segment, child);
      }
      node = child;
    }
    return { node, open: false };
  }

  /** Takes the value out, and nodes that are empty then; true if `node` is. */
  #remove(node: Node<T>, path: readonly string[], at: number, open: boolean, value: T): boolean {
    const segment = path[at];
    if (segment === undefined) {
      (open ? node.rest : node.values).delete(value);
    } else {
      const child = node.children.get(segment);
      if (child !== undefined && this.#remove(child, path, at + 1, open, value)) node.children.delete(segment);
    }
    return node.children.size === 0 && node.values.size === 0 && node.rest.size === 0;
  }
}

/** @throws BusError `ERR_INVALID_ARGUMENT` for a topic with wildcards or empty segments, or one over 255 bytes. */
export function checkTopic(topic: unknown): asserts topic is string {
  if (!plain(topic) || topic.split('.').some((segment) => segment === '*' || segment === '>')) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'A topic has up to 32 segments, none of them empty or a wildcard');
  }
}

/** @throws BusError `ERR_INVALID_ARGUMENT`, as for a topic; `>` stands last only, and `*` twice in over eight segments, once in over 16. */
export function checkPattern(pattern: unknown): asserts pattern is string {
  if (!plain(pattern) || pattern.split('.').slice(0, -1).includes('>')) {
    throw new BusError(
      'ERR_INVALID_ARGUMENT',
      'A pattern has up to 32 segments, none of them empty, and ">" only at its end',
    );
  }
  const segments = pattern.split('.');
  const most = segments.length <= freeSegments ? freeSegments : segments.length <= twiceUpTo ? 2 : 1;
  if (segments.filter((segment) => segment === '*').length > most) {
    throw new BusError(
      'ERR_INVALID_ARGUMENT',
      `A pattern of more than ${freeSegments} segments can have two "*", one of more than ${twiceUpTo} can have one`,
    );
  }
}

function plain(value: unknown): value is string {
  if (!isName(value)) return false;
  const segments = value.split('.');
  return segments.length <= maxSegments && !segments.includes('');
}

function makeNode<T>(): Node<T> {
  return { children: new Map(), values: new Set(), rest: new Set() };
}

function collect<T>(node: Node<T>, segments: readonly string[], at: number, found: Set<T>): void {
  const segment = segments[at];
  if (segment === undefined) {
    for (const value of node.values) found.add(value);
    return;
  }
  for (const value of node.rest) found.add(value);
  const exact = node.children.get(segment);
  if (exact !== undefined) collect(exact, segments, at + 1, found);
  const any = node.children.get('*');
  if (any !== undefined) collect(any, segments, at + 1, found);
}
