import { createHmac, timingSafeEqual } from 'node:crypto';
import { BusError } from '../../base/errors.ts';
import { systemRandom, token } from '../../base/random.ts';
import type { Link } from '../../transport/link.ts';
import { type OwnSecret, ownerOfSocket, ownSecret, secretOf } from '../../transport/own-secret.ts';

/** The payload by which a client says that it wants to look, and to be no client. */
export const lookerPayload = 'busbar.inspect';

/** What a server asks who wants to look: to prove that it knows the text of the file, or the token. */
interface Question {
  readonly nonce: string;
  /** On a socket file or pipe. */
  readonly file?: string;
}

interface Answer {
  readonly byFile?: string;
  readonly byToken?: string;
}

const proofOf = (secret: string, nonce: string, isToken: boolean): Buffer =>
  createHmac('sha256', secret)
    .update(`busbar inspect ${isToken ? 'token' : 'file'}\n${nonce}\n`)
    .digest();

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** A server's end. Neither secret travels. */
export class LookersProof {
  readonly #token: string | undefined;

  constructor(inspectToken: string | undefined) {
    this.#token = inspectToken;
  }

  /** Whether the peer may look. Rejects with `ERR_UNAUTHORIZED` if nobody may on such a link, and as `ask` does. */
  async check({ kind }: Link, ask: (question: unknown) => Promise<unknown>): Promise<boolean> {
    const secret: OwnSecret | undefined = kind === 'unix' || kind === 'pipe' ? ownSecret(systemRandom) : undefined;
    if (secret === undefined && (this.#token === undefined || kind === 'websocket')) {
      throw new BusError(
        'ERR_UNAUTHORIZED',
        `Nobody may look at this server on a ${kind} link: it has no inspect token`,
      );
    }
    const nonce = token(systemRandom) + token(systemRandom);
    const question: Question = { nonce, ...(secret !== undefined && { file: secret.path }) };
    const { byFile, byToken } = membersOf(await ask(question));
    if (
      (secret !== undefined && isProof(byFile, secret.text, nonce, false)) ||
      (this.#token !== undefined && isProof(byToken, this.#token, nonce, true))
    ) {
      return true;
    }
    const others = this.#token === undefined ? '' : ', and who knows its inspect token';
    throw new BusError(
      'ERR_UNAUTHORIZED',
      `Only processes of its own user on this machine${others} may look at this server`,
    );
  }
}

function isProof(given: unknown, secret: string, nonce: string, isToken: boolean): boolean {
  if (typeof given !== 'string' || given.length !== 44) return false;
  const bytes = Buffer.from(given, 'base64');
  const proof = proofOf(secret, nonce, isToken);
  return bytes.length === proof.length && timingSafeEqual(bytes, proof);
}

/** A looker's end: answers the challenge of the server at `link`, whatever that is. */
export function proveLooking(question: unknown, link: Link, inspectToken: string | undefined): Answer {
  const { nonce, file } = membersOf(question);
  if (typeof nonce !== 'string' || nonce.length > 256) return {};
  const isLocal = link.kind === 'unix' || link.kind === 'pipe';
  const secret = isLocal && typeof file === 'string' ? secretOf(file, ownerOfSocket(link.remote)) : undefined;
  return {
    ...(secret !== undefined && { byFile: proofOf(secret, nonce, false).toString('base64') }),
    ...(inspectToken !== undefined && { byToken: proofOf(inspectToken, nonce, true).toString('base64') }),
  };
}
