import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { BusError } from '../../../base/errors.ts';
import { systemClock } from '../../../base/system-clock.ts';
import { lingerAfter } from '../../../transport/linger.ts';
import { asTransferError, type Failure, failureOf, isFailure, outcomes } from '../outcomes.ts';

/** Names the row of the outcome table, because several rows share a status. */
const reasonHeader = 'interserve-reason';

/** A failure of one request, with headers for its response; it leaves the transfer as it is. */
export class RequestError extends BusError {
  readonly headers: OutgoingHttpHeaders;

  constructor(error: BusError, headers: OutgoingHttpHeaders = {}) {
    super(error.code, error.message, { cause: error, details: error.details });
    this.headers = headers;
  }
}

/** Answers a request with its failure; a response that has begun is cut. */
export function answerFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy();
    return;
  }
  if (response.destroyed) return;
  const reason = failureOf(error);
  const { status } = outcomes[reason];
  const text = `${asTransferError(error).message}\n`;
  const headers: OutgoingHttpHeaders = {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    [reasonHeader]: reason,
    ...(error instanceof RequestError ? error.headers : {}),
  };
  if (reason === 'unauthorized') headers['www-authenticate'] = 'Bearer';
  if (reason === 'method') headers.allow = 'GET, HEAD, PUT, POST';
  if (!response.req.complete) {
    headers.connection = 'close';
    // Real sockets linger in real time, whatever clock the transfers use.
    lingerAfter(response, systemClock);
  }
  response.writeHead(status, headers).end(text);
  response.req.resume();
}

/** A failure told by a response, with the response's headers for `failure` callbacks. */
export class EndpointError extends BusError {
  readonly headers: IncomingHttpHeaders;
  readonly #reason: Failure;
  readonly #status: number;

  constructor(reason: Failure, status: number, headers: IncomingHttpHeaders, message?: string) {
    const { code, sentence, status: usual } = outcomes[reason];
    const said = message ?? (status === usual ? sentence : `The endpoint answered ${status}`);
    super(code, said, { details: { status, reason } });
    this.headers = headers;
    this.#reason = reason;
    this.#status = status;
  }

  /** The same failure with the more precise message that came over the bus. */
  saying(message: string): EndpointError {
    return new EndpointError(this.#reason, this.#status, this.headers, message);
  }
}

/** Reads the failure in a response without success. */
export function failureIn(response: IncomingMessage): EndpointError {
  const { statusCode = 0, headers } = response;
  const given = headers[reasonHeader];
  return new EndpointError(isFailure(given) ? given : reasonOf(statusCode), statusCode, headers);
}

function reasonOf(status: number): Failure {
  if (status >= 502 && status <= 504) return 'unreachable';
  for (const [name, row] of Object.entries(outcomes)) if (row.status === status && isFailure(name)) return name;
  return status >= 500 ? 'unreachable' : 'malformed';
}
