import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** Bytes of a server's frame around a message of less than 126 bytes. */
export const frameHeadBytes = 2;

/** A text frame as clients send it, masked; of less than 126 bytes. */
export function maskedFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const mask = randomBytes(4);
  const frame = Buffer.alloc(6 + body.length);
  frame[0] = 0x81;
  frame[1] = 0x80 | body.length;
  mask.copy(frame, 2);
  for (const [n, byte] of body.entries()) frame[6 + n] = byte ^ (mask[n % 4] ?? 0);
  return frame;
}

/** A WebSocket client that costs next to nothing: whoever uses it writes ready frames and counts the bytes that come. */
export function flatWebSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let head = '';
    const opening = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      socket.off('data', opening);
      if (head.startsWith('HTTP/1.1 101')) resolve(socket);
      else reject(new Error(`The upgrade was answered ${head.split('\r\n')[0]}`));
    };
    socket.on('data', opening);
    socket.once('error', reject);
    socket.setNoDelay(true);
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
  });
}
