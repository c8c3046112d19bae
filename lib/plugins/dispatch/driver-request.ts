import { AcceptList } from './accept-list.ts';
import type { Protocol } from './driver.ts';

/** What a path of the HTTP server leads to. */
export type Route =
  | { readonly kind: 'statistics' | 'metrics' | 'healthz' | 'version' }
  | { readonly kind: 'dispatch'; readonly protocol: Protocol };

const bases = ['/api/server', '/api/dispatch/v1'];
const routes: Readonly<Record<string, Route>> = {
  '': { kind: 'statistics' },
  '/metrics': { kind: 'metrics' },
  '/healthz': { kind: 'healthz' },
  '/version': { kind: 'version' },
  '/tcp_dispatch': { kind: 'dispatch', protocol: 'tcp' },
  '/udp_dispatch': { kind: 'dispatch', protocol: 'udp' },
  '/tls_dispatch': { kind: 'dispatch', protocol: 'tls' },
};

/** The route of a path, under either base; a slash at the end does not matter. */
export function routeOf(path: string): Route | undefined {
  const base = bases.find((candidate) => path.startsWith(candidate));
  if (base === undefined) return undefined;
  const rest = path.slice(base.length).replace(/\/$/, '');
  return Object.hasOwn(routes, rest) ? routes[rest] : undefined;
}

/** Why an HTTP request gets no upgrade. */
export interface HttpRefusal {
  readonly status: number;
  readonly error: string;
  /** The parameter of the query that is missing (422) or bad (400). */
  readonly parameter?: string;
  /** What the parameter has to be. */
  readonly restriction?: string;
}

/** What the query of a dispatch route asks for. */
export interface DriverQuery {
  readonly port: number;
  readonly accept: AcceptList;
  readonly multicast: readonly string[];
  /** PEM, of `tls_dispatch`. */
  readonly privateKey: string | undefined;
  readonly certificate: string | undefined;
}

const parameters: Readonly<Record<Protocol, readonly string[]>> = {
  tcp: ['port', 'accept'],
  udp: ['port', 'accept', 'multicast'],
  tls: ['port', 'accept', 'private_key', 'certificate'],
};
const restrictions = {
  port: 'a whole number from 1 to 65535',
  accept: 'IP addresses or CIDR ranges, separated by commas',
};

/** Reads the query, or says which parameter is in the way. Parameters of others, such as the token, are not looked at. */
export function readDriverQuery(protocol: Protocol, query: URLSearchParams): DriverQuery | HttpRefusal {
  for (const name of parameters[protocol]) {
    if (query.getAll(name).length > 1) return bad(name, 'it is given more than once', 'given once');
  }
  const portText = query.get('port');
  if (portText === null) return missing('port');
  const acceptText = query.get('accept');
  if (acceptText === null) return missing('accept');
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535)
    return bad('port', `${JSON.stringify(portText.slice(0, 40))} is not a port`, restrictions.port);
  let accept: AcceptList;
  try {
    accept = AcceptList.parse(acceptText);
  } catch (error) {
    return bad('accept', error instanceof Error ? error.message : String(error), restrictions.accept);
  }
  const privateKey = query.get('private_key') ?? undefined;
  const certificate = query.get('certificate') ?? undefined;
  if (certificate !== undefined && privateKey === undefined && protocol === 'tls') {
    return bad('certificate', 'there is no private_key for it', 'given with its private_key');
  }
  const multicast = protocol === 'udp' ? (query.get('multicast') ?? '').split(',').filter((group) => group !== '') : [];
  return { port, accept, multicast, privateKey, certificate };
}

export function bad(parameter: string, error: string, restriction: string): HttpRefusal {
  return { status: 400, error: `bad parameter "${parameter}": ${error}`, parameter, restriction };
}

function missing(parameter: 'port' | 'accept'): HttpRefusal {
  return { status: 422, error: `missing parameter "${parameter}"`, parameter, restriction: restrictions[parameter] };
}
