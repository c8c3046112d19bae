import type { Protocol } from './device.ts';

/** What a path of the WebSocket face leads to. */
export type Route =
  | { readonly kind: 'statistics' | 'metrics' | 'healthz' | 'version' }
  | { readonly kind: 'dispatch'; readonly protocol: Protocol };

const bases = ['/api/server', '/api/dispatch/v1'];
const routes: Readonly<Record<string, Route>> = {
  '': { kind: 'statistics' },
  '/metrics': { kind: 'metrics' },
  '/healthz': { kind: 'healthz' },
  '/version': { kind: 'version' },
  '/tcp_dispatch': { kind: 'dispatch', protocol: 'tcp' },
  '/udp_dispatch': { kind: 'dispatch', protocol: 'udp' },
  '/tls_dispatch': { kind: 'dispatch', protocol: 'tls' },
};

/** The route of a path, under either base; a slash at the end does not matter. */
export function routeOf(path: string): Route | undefined {
  const base = bases.find((candidate) => path.startsWith(candidate));
  if (base === undefined) return undefined;
  const rest = path.slice(base.length).replace(/\/$/, '');
  return Object.hasOwn(routes, rest) ? routes[rest] : undefined;
}
