import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, shutdownOn } from 'busbar';
import { gateway } from 'busbar/gateway';

const port = Number(process.env['PORT'] ?? 8080);
const door = port === 0 ? 0 : port + 1;

const server = new Server({ path: 'web.sock' });
server.on('error', (error) => console.error(error.code, error.message));
// Pages come from one port and talk to another, so that their origin has to be named.
const web = server.use(gateway({ http: { port }, browser: { port: door, origins: 'any' } }));
server.on('connect', (connection, payload) => {
  connection.join('pages');
  console.log(`${payload?.name ?? 'somebody'} is here, ${server.group('pages').size} in all`);
});
server.on('message', (text, connection) => {
  void server.broadcast({ from: connection?.id.slice(0, 4), text: String(text).slice(0, 200) }, { to: 'pages' });
});
await server.start();
const { http, browser } = web;
if (http === undefined || browser === undefined) throw new Error('The gateway opened nothing');

const here = dirname(fileURLToPath(import.meta.url));
// The build for pages is plain modules: no bundler is needed.
const library = join(dirname(fileURLToPath(import.meta.resolve('busbar/package.json'))), 'dist/page');
const assets = new Map([
  ['/', ['text/html; charset=utf-8', join(here, 'public/index.html')]],
  ['/page.js', ['text/javascript', join(here, 'public/page.js')]],
  ['/busbar/browser.js', ['text/javascript', join(library, 'browser.js')]],
  ['/busbar/core.js', ['text/javascript', join(library, 'core.js')]],
]);
for (const path of assets.keys()) http.addRoute(path, 'GET');
http.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
  const [type = '', file = ''] = assets.get(http.getRequestURL(clientID) ?? '') ?? [];
  const body = (await readFile(file, 'utf8')).replaceAll('{door}', String(browser.port));
  http.writeHeader(clientID, 'Content-Type', type);
  http.sendResponse(clientID, body);
});
shutdownOn(['SIGINT', 'SIGTERM'], server);
console.log(`Open http://127.0.0.1:${http.port}/ in two tabs.`);
