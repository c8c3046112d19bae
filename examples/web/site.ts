import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { HttpServer } from 'busbar/gateway';
import { build, stop } from 'esbuild';

interface Asset {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** The example's folder with the sources, wherever this file was compiled to. */
const folder = fileURLToPath(new URL('../../../examples/web/public/', import.meta.url));

/** Serves the page, which talks to the bus at `gatewayPort`. */
export async function serveSite(http: HttpServer, gatewayPort: number): Promise<void> {
  const assets = new Map<string, Asset>([
    ['/', { type: 'text/html', body: (await text('index.html')).replace('{gatewayPort}', String(gatewayPort)) }],
    ['/page.css', { type: 'text/css', body: await text('page.css') }],
    ['/page.js', { type: 'text/javascript', body: await bundle('page.js') }],
  ]);
  for (const path of assets.keys()) http.addRoute(path, 'GET');
  http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
    const asset = assets.get(http.getRequestURL(clientID) ?? '');
    if (asset === undefined) return;
    const host = http.getRequestHeader(clientID, 'host')?.replace(/:\d+$/, '') ?? 'localhost';
    const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src ws://${host}:${gatewayPort}`;
    http.writeHeader(clientID, 'Content-Type', asset.type);
    http.writeHeader(clientID, 'Content-Security-Policy', policy);
    http.sendResponse(clientID, asset.body);
  });
}

function text(name: string): Promise<string> {
  return readFile(`${folder}${name}`, 'utf8');
}

async function bundle(name: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [`${folder}${name}`],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  await stop();
  return outputFiles[0]?.contents ?? new Uint8Array(0);
}
