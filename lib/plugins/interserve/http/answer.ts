import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { BusError } from '../../../base/errors.ts';
import { systemClock } from '../../../base/system-clock.ts';
import { lingerAfter } from '../../../transport/linger.ts';
import { asTransferError, failureOf, outcomes } from '../outcomes.ts';

/** Names the row of the outcome table, because several rows share a status. */
export const reasonHeader = 'interserve-reason';

/** A refusal that carries headers and, unlike a transfer's own error, leaves the transfer as it is. */
export class HttpAnswer extends BusError {
  readonly headers: OutgoingHttpHeaders;

  constructor(error: BusError, headers: OutgoingHttpHeaders = {}) {
    super(error.code, error.message, { cause: error, details: error.details });
    this.headers = headers;
  }
}

/** Answers a request with what it failed with, as far as the response still can. */
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
    ...(error instanceof HttpAnswer ? error.headers : {}),
  };
  if (reason === 'unauthorized') headers['www-authenticate'] = 'Bearer';
  if (reason === 'method') headers.allow = 'GET, HEAD, PUT, POST';
  if (!response.req.complete) {
    headers.connection = 'close';
    // Sockets and their time are the system's here, whatever clock the transfers go by.
    lingerAfter(response, systemClock);
  }
  response.writeHead(status, headers).end(text);
  response.req.resume();
}
