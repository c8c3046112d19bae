import { createServer } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

// The least there can be between a TCP port and a WebSocket, with the parts that dispatch is made of.
const drivers = new Set<WebSocket>();
const webSockets = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
webSockets.on('connection', (driver) => drivers.add(driver));
const devices = createServer((device) => {
  device.on('data', (chunk) => {
    for (const driver of drivers) {
      driver.send(chunk, (error) => error ?? device.resume());
      if (driver.bufferedAmount > 1_048_576) device.pause();
    }
  });
}).listen(0, '127.0.0.1', () => process.send?.({ web: portOf(webSockets), devices: portOf(devices) }));

function portOf(server: { address(): unknown }): unknown {
  const address = server.address();
  return typeof address === 'object' && address !== null && 'port' in address ? address.port : undefined;
}
