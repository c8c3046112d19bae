import { BusError } from '../../base/errors.ts';

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();
const unsafeInHead = /[^\x21-\x7e]/;

/** The request that turns an HTTP connection into a link; the whole head in one piece, as net-ipc servers need it. */
export function upgradeRequest(host: string, path: string): Uint8Array {
  if (host === '' || unsafeInHead.test(host) || !path.startsWith('/') || unsafeInHead.test(path)) {
    throw new BusError('ERR_INVALID_ARGUMENT', `Host "${host}" or path "${path}" is not valid in an HTTP request`);
  }
  return textEncoder.encode(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n`);
}

/** The answer that accepts an upgrade. */
export function upgradeAnswer(): Uint8Array {
  return textEncoder.encode('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n');
}

/** The answer to a foreign request, as net-ipc gives it; the link is to be closed after it. */
export function teapot(): Uint8Array {
  return textEncoder.encode("HTTP/1.1 418 I'm a Teapot\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

/** Where the head that begins `bytes` ends, its empty line included; -1 while it is not all there. */
export function headEnd(bytes: Uint8Array, from = 0): number {
  for (let index = Math.max(3, from); index < bytes.length; index++) {
    if (bytes[index] === 10 && bytes[index - 1] === 13 && bytes[index - 2] === 10 && bytes[index - 3] === 13) {
      return index + 1;
    }
  }
  return -1;
}

/** Whether an HTTP request head asks for a net-ipc link. */
export function asksForLink(head: Uint8Array): boolean {
  const lines = textDecoder.decode(head).split('\r\n');
  if (!/^GET \S+ HTTP\/1\.1$/.test(lines[0] ?? '')) return false;
  return hasToken(lines, 'connection', 'upgrade') && hasToken(lines, 'upgrade', 'net-ipc');
}

/** The status line of an HTTP answer. */
export function statusLine(head: Uint8Array): string {
  return textDecoder.decode(head.subarray(0, 200)).split('\r\n', 1)[0] ?? '';
}

function hasToken(lines: readonly string[], name: string, token: string): boolean {
  return lines.some((line) => {
    const colon = line.indexOf(':');
    if (colon < 0 || line.slice(0, colon).trim().toLowerCase() !== name) return false;
    const values = line.slice(colon + 1).split(',');
    return values.some((value) => value.trim().toLowerCase() === token);
  });
}
