import findMyWay from 'find-my-way';
import { BusError } from '../../../base/errors.ts';

export const routeMethods = ['GET', 'POST', 'OPTIONS', 'DELETE', 'PATCH', 'PUT', 'HEAD', 'ANY'] as const;
export type RouteMethod = (typeof routeMethods)[number];

/** Registered patterns by method, each list in the order they were added. */
export type RoutingTable = Readonly<Record<RouteMethod, readonly string[]>>;

export interface RouteMatch {
  readonly route: string;
  /** The method it was added for. */
  readonly method: RouteMethod;
  readonly params: Readonly<Record<string, string>>;
}

interface StoredRoute {
  readonly route: string;
  /** The user's parameter names in order; the router knows them by their number. */
  readonly names: readonly string[];
}

const maxSegments = 100;
/** A parameter is limited by the header limit alone. */
const maxParamLength = 1_048_576;

/**
 * Routes by specificity: in each segment a literal goes before `:param`, which goes before a closing `*`, with
 * backtracking; a method's own routes go before `ANY`. The raw path is matched, without percent-decoding.
 */
export class RouteTable {
  readonly #routers = new Map<RouteMethod, findMyWay.Instance<findMyWay.HTTPVersion.V1>>();
  readonly #patterns: Record<RouteMethod, readonly string[]>;

  constructor() {
    const entries = routeMethods.map((method) => [method, []] as const);
    this.#patterns = Object.fromEntries(entries) as unknown as Record<RouteMethod, readonly string[]>;
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` for an unknown method, a pattern that cannot match, or one that exists. */
  add(route: string, method: string): void {
    const known = checkMethod(method);
    if (typeof route !== 'string') throw invalid('the route is not a string');
    if (this.#patterns[known].includes(route)) throw invalid(`already registered: ${route}`);
    const { pattern, names } = translate(route);
    let router = this.#routers.get(known);
    if (router === undefined) {
      router = findMyWay({ caseSensitive: true, maxParamLength });
      this.#routers.set(known, router);
    }
    if (router.findRoute('GET', pattern) !== null) throw invalid(`${route} matches the same requests as another route`);
    const stored: StoredRoute = { route, names };
    router.on('GET', pattern, unused, stored);
    this.#patterns[known] = Object.freeze([...this.#patterns[known], route]);
  }

  /** False if there is no such route. */
  remove(route: string, method: string): boolean {
    const known = checkMethod(method);
    if (!this.#patterns[known].includes(route)) return false;
    this.#routers.get(known)?.off('GET', translate(route).pattern);
    this.#patterns[known] = Object.freeze(this.#patterns[known].filter((each) => each !== route));
    return true;
  }

  get(method: string): readonly string[] {
    return this.#patterns[checkMethod(method)];
  }

  all(): RoutingTable {
    return Object.freeze({ ...this.#patterns });
  }

  find(method: string, path: string): RouteMatch | undefined {
    if (!path.startsWith('/')) return undefined;
    const escaped = escape(path);
    const own = routeMethods.find((each) => each === method);
    return (own && this.#findIn(own, escaped)) ?? this.#findIn('ANY', escaped);
  }

  #findIn(method: RouteMethod, escaped: string): RouteMatch | undefined {
    const found = this.#routers.get(method)?.find('GET', escaped);
    if (found === null || found === undefined) return undefined;
    const { route, names } = found.store as StoredRoute;
    const params: Record<string, string> = {};
    for (const [index, name] of names.entries()) {
      const value = found.params[index === names.length - 1 && name === '*' ? '*' : `p${index}`];
      if (value === undefined) continue;
      if (name === '__proto__') setOwn(params, name, decode(unescape(value)));
      else params[name] = decode(unescape(value));
    }
    return { route, method, params };
  }
}

function checkMethod(method: string): RouteMethod {
  const known = routeMethods.find((each) => each === method);
  if (known === undefined) throw invalid(`invalid method: ${String(method)}`);
  return known;
}

/** The router's own form: numbered parameters that match no empty segment, and nothing else of its syntax. */
function translate(route: string): { pattern: string; names: readonly string[] } {
  if (!route.startsWith('/')) throw invalid(`${route} does not start with a slash`);
  const segments = route.slice(1).split('/');
  if (segments.length > maxSegments) throw invalid(`more than ${maxSegments} segments`);
  const names: string[] = [];
  const translated = segments.map((segment, index) => {
    if (segment === '*') {
      if (index !== segments.length - 1) throw invalid(`in ${route} the wildcard is not the last segment`);
      names.push('*');
      return '*';
    }
    if (!segment.startsWith(':')) return escape(segment).replaceAll(':', '::');
    const name = segment.slice(1);
    if (name === '' || names.includes(name)) throw invalid(`${route} has a parameter without a unique name`);
    names.push(name);
    return `:p${names.length - 1}([^/]+)`;
  });
  return { pattern: `/${translated.join('/')}`, names };
}

/** Replaces characters with a meaning for the router by code points that no path from the wire has. */
function escape(text: string): string {
  return text.replace(/[%*;#?]/g, (char) => String.fromCharCode(0xe000 + char.charCodeAt(0)));
}

function unescape(text: string): string {
  return text.replace(/[\ue000-\ue07f]/g, (char) => String.fromCharCode(char.charCodeAt(0) - 0xe000));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function setOwn(target: Record<string, string>, name: string, value: string): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

function unused(): void {}

function invalid(detail: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', `Failed to add HTTP route (${detail})`);
}
