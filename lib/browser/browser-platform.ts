import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { ClientPlatform } from '../bus/platform.ts';
import type { Link } from '../transport/link.ts';
import { BrowserLink } from './browser-link.ts';

/** A web page: links over WebSocket, the native dialect, and no compression but that of the WebSocket itself. */
export const browserPlatform: ClientPlatform = {
  compression: undefined,
  dialer({ url, clock }) {
    const address = addressOf(url);
    return { dial: (signal) => dial(address, signal, clock), host: address.host };
  },
};

/** The URL of the gateway; one without a scheme is relative to the page. */
function addressOf(url: string | undefined): URL {
  const page = globalThis.location?.href;
  if (url !== undefined && URL.canParse(url, page)) {
    const address = new URL(url, page);
    address.protocol = address.protocol.replace(/^http/, 'ws');
    if (/^wss?:$/.test(address.protocol)) return address;
  }
  throw new BusError('ERR_INVALID_OPTION', `Client option "url" must be a URL of a WebSocket, not ${url}`);
}

function dial(address: URL, signal: AbortSignal, clock: Clock): Promise<Link> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(address);
    ws.binaryType = 'arraybuffer';
    const settle = (finish: () => void): void => {
      ws.onopen = null;
      ws.onclose = null;
      signal.removeEventListener('abort', abort);
      finish();
    };
    const abort = (): void =>
      settle(() => {
        ws.close();
        reject(signal.reason);
      });
    ws.onopen = () => settle(() => resolve(new BrowserLink(ws, clock)));
    ws.onclose = ({ code, reason }) =>
      settle(() => reject(new BusError('ERR_CONNECT', `The WebSocket was closed: ${code} ${reason}`)));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}
