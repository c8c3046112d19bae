import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemRandom, token } from '../../base/random.ts';
import { codeOf, textOf } from '../../base/thrown.ts';
import { printableJson } from '../../base/printable.ts';

const host = '127.0.0.1';
const page = new URL('./inspect.html', import.meta.url);

/** Answers one request of a page; the rest of its path, and its query. */
export type Answer = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => unknown;

/**
 * Serves the page and what it asks for, on loopback, to those alone who know the token that its URL has: with another one, and for a
 * host or an origin that is not this server's, everything is 403.
 */
export class PageServer {
  readonly #server: Server;
  readonly #secret = token(systemRandom) + token(systemRandom);
  readonly #answers: Readonly<Record<string, Answer>>;

  /** `answers` by the path that follows the token, with their method, such as `GET events`. */
  constructor(answers: Readonly<Record<string, Answer>>) {
    this.#answers = answers;
    this.#server = createServer(
      (request, response) => void this.#handle(request, response).catch(() => response.destroy()),
    );
  }

  /** Resolves with the URL of the page. Rejects with what the system says. */
  async start(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return `http://${host}:${this.#port}/${this.#secret}/`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    // Not as a URL, which throws for some of what anybody may ask.
    const [, given = '', path = '', query = ''] = /^\/([\w-]*)\/?([^?]*)\??(.*)$/s.exec(request.url ?? '') ?? [];
    if (!this.#isOwn(request) || !isSame(given, this.#secret)) {
      response.writeHead(403, { 'Content-Type': 'text/plain' }).end('403\n');
      return;
    }
    const name = `${request.method} ${path}`;
    const answer = Object.hasOwn(this.#answers, name) ? this.#answers[name] : undefined;
    try {
      if (name === 'GET ') sendPage(response);
      else if (answer === undefined) response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404\n');
      else await answer(request, response, new URLSearchParams(query));
    } catch (error) {
      const failure = printableJson({ code: codeOf(error) ?? 'ERR_REMOTE', message: textOf(error) });
      if (response.headersSent) response.destroy();
      else response.writeHead(502, { 'Content-Type': 'application/json' }).end(`${failure}\n`);
    }
  }

  /** Another name that leads here is of a page that wants in by rebinding, and another origin is another page. */
  #isOwn({ headers }: IncomingMessage): boolean {
    const own = [`${host}:${this.#port}`, `localhost:${this.#port}`];
    if (!own.includes(headers.host ?? '')) return false;
    return headers.origin === undefined || own.some((name) => headers.origin === `http://${name}`);
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

function sendPage(response: ServerResponse): void {
  const nonce = token(systemRandom);
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    // uPlot places its parts by their style attributes, through the DOM.
    `style-src 'nonce-${nonce}'`,
    `connect-src 'self'`,
    `img-src data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ];
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy.join('; ') });
  response.end(readFileSync(page, 'utf8').replaceAll('nonce="{nonce}"', `nonce="${nonce}"`));
}
