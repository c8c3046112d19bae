import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { HttpServer } from '../../lib/plugins/gateway/index.ts';
import { HttpServer as Server } from '../../lib/plugins/gateway/index.ts';

/** Where Debian, and others, have it. */
const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

export const hasChromium = program !== undefined;

export function launch(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: program ?? '', args: ['--no-sandbox', '--disable-gpu', ...args] });
}

/** Serves an empty page that may run `/client.js`, never `eval`, and talk to `door`. */
export async function servePage(script: string, door: string): Promise<{ server: HttpServer; url: string }> {
  const server = new Server({ deferred: false });
  server.addRoute('/*', 'GET');
  server.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
    const isScript = server.getRequestURL(clientID) === '/client.js';
    server.writeHeader(clientID, 'Content-Type', isScript ? 'text/javascript' : 'text/html');
    server.writeHeader(
      clientID,
      'Content-Security-Policy',
      `default-src 'none'; script-src 'self'; connect-src ${door}`,
    );
    server.sendResponse(clientID, isScript ? script : '<!doctype html><title>page</title>');
  });
  const port = await server.startListening(0);
  return { server, url: `http://127.0.0.1:${port}/` };
}

/** What the page itself complained about. */
export function complaints(page: Page): string[] {
  const heard: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') heard.push(message.text());
  });
  page.on('pageerror', (error) => heard.push(error.message));
  return heard;
}
