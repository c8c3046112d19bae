import { AcceptList } from './accept-list.ts';
import type { Protocol } from './device.ts';

/** Why an HTTP request gets no upgrade. */
export interface Refusal {
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
  accept: 'IP addresses or CIDR ranges with commas between them',
};

/** Reads the query, or says which parameter is in the way. Parameters of others, such as the token, are not looked at. */
export function readDriverQuery(protocol: Protocol, query: URLSearchParams): DriverQuery | Refusal {
  for (const name of parameters[protocol]) {
    if (query.getAll(name).length > 1) return bad(name, 'it is given more than once', 'given once');
  }
  const portText = query.get('port');
  if (portText === null) return missing('port');
  const acceptText = query.get('accept');
  if (acceptText === null) return missing('accept');
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535)
    return bad('port', `${JSON.stringify(portText.slice(0, 40))} is no port`, restrictions.port);
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

export function bad(parameter: string, error: string, restriction: string): Refusal {
  return { status: 400, error: `bad parameter "${parameter}": ${error}`, parameter, restriction };
}

function missing(parameter: 'port' | 'accept'): Refusal {
  return { status: 422, error: `missing parameter "${parameter}"`, parameter, restriction: restrictions[parameter] };
}
