import { EventSource } from './event-source.ts';
import type { AnyEventName } from './gateway-event.ts';
import type { RequestDetails } from './http-exchange.ts';

export type CommonEventName = 'ASYNC_POLLING_UPDATE' | 'EVENT_QUEUE_FULL' | 'UNKNOWN_OR_INVALID_WEBSERVER_EVENT';
export type HttpEventName = Extract<AnyEventName, `HTTP_${string}` | `SERVER_${string}`> | CommonEventName;

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
