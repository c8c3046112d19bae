import type { IncomingMessage } from 'node:http';
import { EventSource } from './event-source.ts';
import type { HttpEventName } from './gateway-event.ts';
import type { RouteMatch, RouteMethod } from './http/route-table.ts';

/** The request that asked for the upgrade to a WebSocket. */
export interface UpgradeDetails {
  /** The path, as it came: not decoded, without the query. */
  readonly url: string;
  /** What follows the question mark, as it came. */
  readonly query: string;
  /** By lower-case name; fields of the same name are joined as RFC 9110 says. */
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
}

/** Everything that is known of a request once its headers arrived. */
export interface RequestDetails extends UpgradeDetails {
  readonly method: string;
  /** The pattern of the route that matched. */
  readonly endpoint: string;
  /** The method that route was added for, or `ANY`. */
  readonly endpointMethod: RouteMethod;
  /** What the route's parameters stand for, percent-decoded; `*` is what the wildcard matched. */
  readonly params: Readonly<Record<string, string>>;
}

export function upgradeDetails(request: IncomingMessage): UpgradeDetails {
  return {
    ...splitTarget(request.url ?? ''),
    headers: plainHeaders(request),
    remoteAddress: request.socket.remoteAddress ?? '',
  };
}

export function requestDetails(request: IncomingMessage, match: RouteMatch): RequestDetails {
  return {
    method: request.method ?? '',
    ...splitTarget(request.url ?? ''),
    endpoint: match.route,
    endpointMethod: match.method,
    headers: plainHeaders(request),
    params: match.params,
    remoteAddress: request.socket.remoteAddress ?? '',
  };
}

/** Path and query of a request target, which names its authority too when it was sent through a proxy. */
export function splitTarget(target: string): { url: string; query: string } {
  const local = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '') || '/';
  const mark = local.indexOf('?');
  return mark === -1 ? { url: local, query: '' } : { url: local.slice(0, mark), query: local.slice(mark + 1) };
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of Object.keys(request.headers)) {
    const value = request.headers[name];
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return headers;
}

/**
 * What can be asked about a request, from `HTTP_REQUEST_STARTED` until it was answered or its client left; `undefined`
 * before and after.
 */
export abstract class RequestAccessors extends EventSource<HttpEventName> {
  abstract getRequestDetails(id: string): RequestDetails | undefined;

  hasRequestDetails(id: string): boolean {
    return this.getRequestDetails(id) !== undefined;
  }

  /** In capitals. */
  getRequestMethod(id: string): string | undefined {
    return this.getRequestDetails(id)?.method;
  }

  /** The path, without the query. */
  getRequestURL(id: string): string | undefined {
    return this.getRequestDetails(id)?.url;
  }

  /** What follows the question mark; empty where there is none. */
  getRequestQuery(id: string): string | undefined {
    return this.getRequestDetails(id)?.query;
  }

  /** The pattern of the route that matched. */
  getRequestEndpoint(id: string): string | undefined {
    return this.getRequestDetails(id)?.endpoint;
  }

  /** One field, by its name in any case. */
  getRequestHeader(id: string, name: string): string | undefined {
    const headers = this.getRequestDetails(id)?.headers;
    const key = name.toLowerCase();
    return headers !== undefined && Object.hasOwn(headers, key) ? headers[key] : undefined;
  }

  /** All fields as lines of `name: value`, each closed by CRLF. */
  getRequestHeaders(id: string): string | undefined {
    const details = this.getRequestDetails(id);
    if (details === undefined) return undefined;
    return Object.entries(details.headers).reduce((text, [name, value]) => `${text}${name}: ${value}\r\n`, '');
  }

  /** The client's address. */
  getRemoteAddress(id: string): string | undefined {
    return this.getRequestDetails(id)?.remoteAddress;
  }
}
