import { codeOf } from '../../../base/code-of.ts';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { transferError } from '../outcomes.ts';
import { decoder, type Encoding } from './encodings.ts';

/**
 * The decoded body of a message. A broken connection ends it with an error that `isBreak` knows, and bytes that cannot
 * be decoded leave the connection open for an answer.
 */
export function decoded(message: IncomingMessage, encoding: Encoding): Readable {
  const body = decoder(encoding);
  message.once('error', (error) => body.destroy(error));
  message.once('close', () => {
    if (!message.complete) body.destroy(transferError('unreachable'));
  });
  return message.pipe(body);
}

/** Whether a body ended because its connection did. */
export function isBreak(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ECONNRESET' || code === 'ERR_CONNECT' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EPIPE';
}
